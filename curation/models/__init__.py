"""Rows of the dataset itself; rules stand in `curation.domain`, writes in `curation.services`."""

from curation.models.append_only import AppendOnlyError, AppendOnlyModel, AppendOnlyQuerySet
from curation.models.cache import CacheEntry
from curation.models.clip import AnnotationSource, AnnotationState, CandidateAnnotation, Clip, Presence
from curation.models.collection import CollectionTask, Submission, SubmissionState
from curation.models.dataset import Dataset, DatasetPolicy, ImportRun, Membership, Role
from curation.models.job import ACTIVE_STATES, Job, JobState
from curation.models.participant import Participant
from curation.models.release import Release, Split, SplitAssignment, Subset
from curation.models.summary import DatasetSummary
from curation.models.taxonomy import Category, CategoryParent, Restriction
from curation.models.user import User

__all__ = [
    "ACTIVE_STATES",
    "AnnotationSource",
    "AnnotationState",
    "AppendOnlyError",
    "AppendOnlyModel",
    "AppendOnlyQuerySet",
    "CacheEntry",
    "CandidateAnnotation",
    "Category",
    "CategoryParent",
    "Clip",
    "CollectionTask",
    "Dataset",
    "DatasetPolicy",
    "DatasetSummary",
    "ImportRun",
    "Job",
    "JobState",
    "Membership",
    "Participant",
    "Presence",
    "Release",
    "Restriction",
    "Role",
    "Split",
    "SplitAssignment",
    "Submission",
    "SubmissionState",
    "Subset",
    "User",
]
