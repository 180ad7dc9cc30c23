# The service: page and API at port 8000. Bundles come as a volume; see docker-compose.yml.
#   docker build -t product-matching .
#   docker run -p 8000:8000 -v "$PWD/saved_models:/saved_models" product-matching serve /saved_models/shop --host 0.0.0.0
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY setup.cfg setup.py README.md ./
COPY product_matching product_matching
RUN pip install --no-cache-dir '.[serve,recommend,postgres,milvus,kafka,tfserving,tracing]'
RUN useradd --create-home --uid 1000 shop && mkdir /state && chown shop /state
USER shop
ENV PRODUCT_MATCHING_OFFLINE=1 TF_CPP_MIN_LOG_LEVEL=2
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=90s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=5)"
ENTRYPOINT ["product-matching"]
CMD ["--help"]
