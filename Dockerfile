# One image for every process of FileIntel: the command says which one it is. `fileintel api` when it says nothing.

FROM python:3.12.13-slim-trixie AS build

ENV UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/opt/fileintel
RUN pip install --no-cache-dir --root-user-action=ignore uv==0.13.9
WORKDIR /build

# Used as constraints, the lock gives versions and hashes to what pyproject.toml asks for; a package that the lock does
# not have is an error.
COPY pyproject.toml requirements.lock ./
RUN printf '%s\n' hatchling==1.33.0 setuptools==84.2.1 > build-constraints.txt && \
    uv venv --no-cache "$VIRTUAL_ENV" && \
    uv pip install --no-cache --compile-bytecode --require-hashes --build-constraints build-constraints.txt \
        --constraints requirements.lock --requirements pyproject.toml --extra flower

COPY README.md LICENSE ./
COPY config config
COPY prompts prompts
COPY src src
RUN uv pip install --no-cache --compile-bytecode --no-deps --build-constraints build-constraints.txt .


FROM python:3.12.13-slim-trixie

LABEL org.opencontainers.image.title="FileIntel" \
      org.opencontainers.image.description="Turns collections of documents into a GraphRAG knowledge-graph index" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"

RUN pip uninstall --yes --root-user-action=ignore pip && \
    groupadd --gid 10001 fileintel && \
    useradd --uid 10001 --gid fileintel --home-dir /var/lib/fileintel --no-create-home --shell /usr/sbin/nologin fileintel && \
    install --directory --owner=fileintel --group=fileintel --mode=0750 /var/lib/fileintel

COPY --from=build /opt/fileintel /opt/fileintel

ENV PATH=/opt/fileintel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FILEINTEL_HOME=/var/lib/fileintel \
    FILEINTEL__API__HOST=0.0.0.0

USER 10001:10001
WORKDIR /var/lib/fileintel
VOLUME /var/lib/fileintel
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=5); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["fileintel", "api"]
