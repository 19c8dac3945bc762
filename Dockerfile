# docker build -t gnomon . && docker run --rm -v "$PWD/runs:/home/gnomon/app/runs" gnomon
# Does what `make demo` does, as a user without privileges. `docker run gnomon make test` runs the tests.
FROM python:3.12-slim

RUN apt-get update && apt-get install --yes --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 gnomon
USER gnomon
WORKDIR /home/gnomon/app

COPY --chown=gnomon:gnomon requirements.lock ./
RUN python -m venv .venv && .venv/bin/python -m pip install --no-cache-dir --quiet --require-hashes -r requirements.lock

COPY --chown=gnomon:gnomon . .
RUN .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e . && touch .venv/runtime && mkdir -p runs

CMD ["make", "demo"]
