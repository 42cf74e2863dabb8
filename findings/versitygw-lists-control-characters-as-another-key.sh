#!/usr/bin/env bash
# What: versitygw lists a key with a control character under another key, which does not exist: the
#   character becomes U+FFFD, although the client asks for encoding-type=url, which S3 has for such keys.
# Versions: versitygw v1.8.0 (posix), boto3 1.40.0 from PyPI, Go 1.26.
# Why it matters: a backfill that lists a bucket of uploads and reads each of them gets a 404 for these,
#   and takes them for removed in between. The object can be read under its own key, which events have.
#   A key such as x//y.jpg is moreover stored, and listed, as x/y.jpg; S3 keeps both apart.
#   imgmill reads what events name, and its tests of names compare listings with that in mind.
# Seen: 2026-11-29
#   put 'a\x07b.jpg': listed as 'a\ufffdb.jpg', which is not found
#   put 'a+b c%.jpg': listed as 'a+b c%.jpg', which is found
#   put 'x//y.jpg': listed as 'x/y.jpg', which is found
set -euo pipefail
work=$(mktemp -d)
gateway=
trap '[ -z "$gateway" ] || kill "$gateway"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
GOBIN="$work" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check boto3==1.40.0

cat >keys.py <<'END'
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

s3 = boto3.client(
    "s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="user", aws_secret_access_key="password",
    config=Config(s3={"addressing_style": "path"}))
for attempt in range(50):
    try:
        s3.create_bucket(Bucket="pictures")
        break
    except BotoCoreError:
        time.sleep(0.2)  # the gateway is starting
for key in ("a\x07b.jpg", "a+b c%.jpg", "x//y.jpg"):
    s3.put_object(Bucket="pictures", Key=key, Body=b"1")
    # boto3 asks for encoding-type=url by itself, and decodes the keys.
    listed = s3.list_objects_v2(Bucket="pictures")["Contents"][0]["Key"]
    try:
        s3.head_object(Bucket="pictures", Key=listed)
        found = "found"
    except ClientError:
        found = "not found"
    print(f"put {ascii(key)}: listed as {ascii(listed)}, which is {found}")
    s3.delete_object(Bucket="pictures", Key=key)
END
mkdir data
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ROOT_ACCESS_KEY=user ROOT_SECRET_KEY=password ./versitygw --port "127.0.0.1:$port" posix --nometa data >gateway.log 2>&1 &
gateway=$!
seen=$(venv/bin/python keys.py "http://127.0.0.1:$port")
echo "$seen"
[ "$seen" = "put 'a\\x07b.jpg': listed as 'a\\ufffdb.jpg', which is not found
put 'a+b c%.jpg': listed as 'a+b c%.jpg', which is found
put 'x//y.jpg': listed as 'x/y.jpg', which is found" ]
