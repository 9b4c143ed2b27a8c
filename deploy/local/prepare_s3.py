"""Makes the buckets ready: they exist, keep versions, and let the application's pages upload.

usage: S3_SECRET_KEY=... prepare_s3.py ENDPOINT ACCESS_KEY ORIGIN BUCKET...

Python's standard library signs the few requests (AWS Signature Version 4), which spares the crate
an S3 client or a signing library.
"""

import datetime
import hashlib
import hmac
import os
import sys
import time
import urllib.error
import urllib.request

REGION = "us-east-1"
SIGNED = "host;x-amz-content-sha256;x-amz-date"
VERSIONING = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
CORS = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>{origin}</AllowedOrigin>"
    "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>"
    "<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    "<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(endpoint, path, query, body, access_key, secret_key):
    """A signed PUT request."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    day = now[:8]
    digest = hashlib.sha256(body).hexdigest()
    query = query and query + "="
    host = endpoint.split("//")[1]
    headers = f"host:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n"
    canonical = f"PUT\n{path}\n{query}\n{headers}\n{SIGNED}\n{digest}"
    scope = f"{day}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = keyed(key, part)
    request = urllib.request.Request(endpoint + path + (query and "?" + query), data=body, method="PUT")
    request.add_header("x-amz-date", now)
    request.add_header("x-amz-content-sha256", digest)
    request.add_header(
        "Authorization",
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={SIGNED}, "
        f"Signature={keyed(key, text).hex()}",
    )
    return request


def put(endpoint, path, query, body, keys):
    """Sends it; a server that is still starting is asked again for a while."""
    deadline = time.monotonic() + 60
    while True:
        try:
            request = signed(endpoint, path, query, body.encode(), *keys)
            # no proxy of the environment between us and loopback
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(request, timeout=20).close()
            return
        except urllib.error.HTTPError as error:
            if error.code == 409:  # the bucket is there
                return
            if error.code < 500 or time.monotonic() > deadline:
                sys.exit(f"{path}?{query}: {error.code} {error.read().decode()}")
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"{endpoint}: {error}")
        time.sleep(0.1)


def main(endpoint, access_key, origin, *buckets):
    keys = (access_key, os.environ["S3_SECRET_KEY"])
    for bucket in buckets:
        put(endpoint, f"/{bucket}", "", "", keys)
        put(endpoint, f"/{bucket}", "versioning", VERSIONING, keys)
        put(endpoint, f"/{bucket}", "cors", CORS.format(origin=origin), keys)


main(*sys.argv[1:])
