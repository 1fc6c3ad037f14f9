# Two images: `--target train` has every verb, `--target serve` answers over REST and has no torch. See docs/docker.md.
ARG PYTHON=3.12
# cpu or cuda
ARG DEVICE=cpu

FROM python:${PYTHON}-slim AS build
# Where pip finds packages, and where torch alone (builds for CPUs only); empty: as pip is set up.
ARG INDEX_URL=""
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY auto_train/__init__.py auto_train/

# Dependencies first, from files that seldom change: another line of code does not install them again.
FROM build AS build-train
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
        pip install --index-url "$TORCH_INDEX_URL" --constraint constraints.txt torch torchvision; \
    fi
RUN pip install ${INDEX_URL:+--index-url "$INDEX_URL"} --constraint constraints.txt .
COPY auto_train auto_train
RUN pip install ${INDEX_URL:+--index-url "$INDEX_URL"} --no-deps --force-reinstall .

FROM build AS build-serve
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['serve'], sep='\n')" \
        > serve.txt && \
    pip install ${INDEX_URL:+--index-url "$INDEX_URL"} --constraint constraints.txt --requirement serve.txt
COPY auto_train auto_train
RUN pip install ${INDEX_URL:+--index-url "$INDEX_URL"} --no-deps .

FROM python:${PYTHON}-slim AS base
# Nothing is written outside /project, /cache and the temporary folder, so the root may be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AUTO_TRAIN_CACHE=/cache \
    MPLCONFIGDIR=/cache/matplotlib
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /project auto-train && \
    mkdir /project /cache && \
    chown auto-train:auto-train /project /cache
WORKDIR /project

FROM base AS cpu

FROM base AS cuda
# The driver comes from the host (docker run --gpus), the CUDA libraries with torch.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM ${DEVICE} AS train
COPY --from=build-train /opt/venv /opt/venv
COPY --chown=10001:10001 configs configs
USER 10001:10001
VOLUME ["/cache"]
ENTRYPOINT ["auto-train"]
CMD ["--help"]

FROM base AS serve
COPY --from=build-serve /opt/venv /opt/venv
USER 10001:10001
VOLUME ["/cache"]
EXPOSE 8889
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8889/readyz', timeout=2)"]
ENTRYPOINT ["auto-train", "serve", "--host=0.0.0.0", "--port=8889"]
CMD ["--model=/model"]
