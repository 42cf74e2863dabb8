#!/usr/bin/env bash
# What: a browser's form upload to the key "up/${filename}" is stored at exactly that key, so that every
#   upload replaces the one before; S3 puts the name of the file in its place.
# Versions: versitygw v1.8.0 (posix backend), boto3 1.43.102 from PyPI.
# Why it matters: this is how web pages let people upload pictures without a server of their own. Each
#   answer is 204, and of a day's pictures the last one is left, at a key without an extension. Make the
#   whole key before the form is signed. imgmill reports an object without a known suffix as skipped.
# Seen: 2026-11-29
#   one.jpg: 204, two.jpg: 204
#   up/${filename}: the bytes of two.jpg
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
GOBIN=$work go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check boto3==1.43.102
mkdir data
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
./versitygw --access finding --secret finding-secret --port "127.0.0.1:$port" --quiet posix data >log 2>&1 &
server=$!

cat >upload.py <<'EOF'
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="finding",
                  aws_secret_access_key="finding-secret",
                  config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"))
for _ in range(100):
    try:
        s3.create_bucket(Bucket="uploads")
        break
    except EndpointConnectionError:
        time.sleep(0.1)


def submit(name):
    """Sends what a browser sends for a form with a file field."""
    form = s3.generate_presigned_post("uploads", "up/${filename}", Conditions=[["starts-with", "$key", "up/"]])
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form["fields"].items())
    body += f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body += f"Content-Type: image/jpeg\r\n\r\nthe bytes of {name}\r\n--x--\r\n"
    request = urllib.request.Request(form["url"], body.encode(), {"Content-Type": "multipart/form-data; boundary=x"})
    with urllib.request.urlopen(request) as answer:
        return f"{name}: {answer.status}"


print(submit("one.jpg"), submit("two.jpg"), sep=", ")
for o in s3.list_objects_v2(Bucket="uploads").get("Contents", []):
    print(f"{o['Key']}: {s3.get_object(Bucket='uploads', Key=o['Key'])['Body'].read().decode()}")
EOF
seen=$(venv/bin/python upload.py "http://127.0.0.1:$port")
echo "$seen"
[ "$seen" = 'one.jpg: 204, two.jpg: 204
up/${filename}: the bytes of two.jpg' ]
