# A worker: the web image with another command, so that both always run the same version.
# docker build -f docker/worker.Dockerfile --build-arg WEB=earmark-web -t earmark-worker .
ARG WEB=earmark-web
FROM ${WEB}
# A worker listens to nothing; its jobs' leases show whether it lives.
HEALTHCHECK NONE
# SIGTERM lets the job at hand finish; what is cut off after stop_grace_period is taken up again by its lease.
CMD ["python", "manage.py", "worker", "--concurrency", "2"]
