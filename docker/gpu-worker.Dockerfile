# A worker with PyTorch for the queue `gpu`. The NVIDIA container toolkit gives it the accelerator.
# docker build -f docker/gpu-worker.Dockerfile --build-arg WEB=earmark-web -t earmark-gpu-worker .
ARG WEB=earmark-web
FROM ${WEB}
USER root
COPY requirements-ml.txt ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-ml.txt
USER earmark
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
HEALTHCHECK NONE
CMD ["python", "manage.py", "worker", "--concurrency", "1", "--queues", "gpu"]
