# The web process. Build from the project's folder: docker build -f docker/web.Dockerfile -t earmark-web .
FROM node:20.19.5-bookworm-slim AS pages
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.11.14-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/earmark
COPY requirements.txt ./
RUN /opt/earmark/bin/python -m pip install --require-hashes -r requirements.txt

FROM python:3.11.14-slim-bookworm
ENV PATH=/opt/earmark/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EARMARK_DATA_DIR=/data
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin earmark \
    && install -d -o earmark -g earmark /data
WORKDIR /app
COPY --from=packages /opt/earmark /opt/earmark
COPY manage.py pyproject.toml LICENSE ./
COPY curation curation
COPY validate validate
COPY annotate annotate
COPY ml ml
COPY frontend/templates frontend/templates
COPY frontend/locale frontend/locale
COPY --from=pages /app/frontend/dist frontend/dist
RUN python -m babel.messages.frontend compile --directory frontend/locale --domain django
USER earmark
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD python -c "import socket; socket.create_connection(('127.0.0.1', 8000), 3).close()"
CMD ["gunicorn", "curation.wsgi", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4", \
     "--timeout", "120", "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]
