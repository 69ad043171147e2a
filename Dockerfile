# The farm in a container: `worker` by default; any other meterfarm command by its name.
# Build with `docker build -t meterfarm .`; compose.yaml runs it beside Postgres and Redis.
FROM debian:trixie-slim

ENV DEBIAN_FRONTEND=noninteractive \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# Debian's Chromium and its fonts: no download from anywhere but the distribution. Leave it out of workers that
# use a browser elsewhere: docker build --build-arg BROWSER= ...
ARG BROWSER="chromium-headless-shell fonts-liberation"
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv tini tzdata libatomic1 $BROWSER \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --system --uid 10001 --create-home --home-dir /home/meterfarm meterfarm \
    && install -d -o meterfarm -g meterfarm -m 0700 /var/lib/meterfarm

WORKDIR /opt/meterfarm
COPY requirements.txt ./
RUN python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt

COPY . .
RUN .venv/bin/python -m compileall -q -x '\.venv' . \
    && chmod 0755 deploy/with-secrets

USER meterfarm
ENV METERFARM_HOME=/var/lib/meterfarm \
    PATH=/opt/meterfarm/.venv/bin:$PATH \
    PYTHONPATH=/opt
VOLUME /var/lib/meterfarm

ENTRYPOINT ["tini", "--", "/opt/meterfarm/deploy/with-secrets", "python", "-m", "meterfarm.cli"]
CMD ["worker"]
