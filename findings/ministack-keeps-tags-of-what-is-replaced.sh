#!/usr/bin/env bash
# What: an object that is overwritten without tags keeps those of the object before it. In S3, an object
#   has the tags of the request that stored it (Amazon S3 API Reference, PutObject, x-amz-tagging), here none. moto
#   does as S3 does.
# Versions: ministack 1.5.33, moto 5.2.5, boto3 1.43.102 from PyPI.
# Why it matters: a malware scanner marks an upload as clean by a tag, and a resizer waits for that tag. With this
#   emulator, a picture that replaces a clean one counts as scanned, so that a test of such a gate passes or fails for
#   the wrong reason. Remove the tags before each upload in tests, or test against another emulator.
# Seen: 2026-11-29
#   moto: [] after the second upload
#   ministack: [{'Key': 'scan', 'Value': 'clean'}] after the second upload
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ministack==1.5.33 'moto[s3,server]==5.2.5' boto3==1.43.102
cat >tags.py <<'EOF'
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

name, url = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                  config=Config(s3={"addressing_style": "path"}))
for _ in range(150):
    try:
        s3.create_bucket(Bucket="uploads")
        break
    except (ClientError, EndpointConnectionError):
        time.sleep(0.2)
s3.put_object(Bucket="uploads", Key="a.jpg", Body=b"1", Tagging="scan=clean")
s3.put_object(Bucket="uploads", Key="a.jpg", Body=b"2")
print(f"{name}: {s3.get_object_tagging(Bucket='uploads', Key='a.jpg')['TagSet']} after the second upload")
EOF
for name in moto ministack; do
	port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	case $name in
	moto) venv/bin/moto_server -H 127.0.0.1 -p "$port" >log 2>&1 & ;;
	ministack) TMPDIR=$work GATEWAY_PORT=$port BIND_HOST=127.0.0.1 SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 \
		DOCKER_HOST=unix://$work/none venv/bin/ministack >log 2>&1 & ;;
	esac
	server=$!
	venv/bin/python tags.py "$name" "http://127.0.0.1:$port" | tee -a seen
	kill "$server"
	wait "$server" 2>/dev/null || true
	server=
done
diff seen - <<'EOF'
moto: [] after the second upload
ministack: [{'Key': 'scan', 'Value': 'clean'}] after the second upload
EOF
