#!/usr/bin/env bash
# What: an upload in parts sends two events, ObjectCreated:Put and ObjectCreated:CompleteMultipartUpload. S3 sends the second
#   only (Amazon S3 User Guide, Supported event types), and so does ministack.
# Versions: moto 5.2.5, ministack 1.5.33, boto3 1.43.102 from PyPI.
# Why it matters: boto3's upload_file, like other SDKs' managed uploads, sends files from 8 MB on in parts. A bucket that reports
#   s3:ObjectCreated:Put alone passes a test against moto with large pictures, too, and in S3 nobody hears of these: small uploads
#   get their variants, large ones none. With s3:ObjectCreated:*, the test sees each large picture twice, and whoever makes
#   the second event harmless there solves what S3 does not do. imgmill asks for s3:ObjectCreated:*.
# Seen: 2026-11-30 (small.jpg of 1 byte and large.jpg of 9 MB, by upload_file)
#   moto, s3:ObjectCreated:Put: small.jpg Put, large.jpg Put
#   moto, s3:ObjectCreated:*: small.jpg Put, large.jpg Put, large.jpg CompleteMultipartUpload
#   ministack, s3:ObjectCreated:Put: small.jpg Put
#   ministack, s3:ObjectCreated:*: small.jpg Put, large.jpg CompleteMultipartUpload
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ministack==1.5.33 'moto[s3,sqs,server]==5.2.5' boto3==1.43.102
printf x >small.jpg
head -c 9000000 /dev/zero >large.jpg
cat >upload.py <<'EOF'
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

name, url = sys.argv[1:]
s3, sqs = (boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}))
           for service in ("s3", "sqs"))
for _ in range(150):
    try:
        s3.list_buckets()
        break
    except (ClientError, EndpointConnectionError):
        time.sleep(0.2)
for n, events in enumerate(("s3:ObjectCreated:Put", "s3:ObjectCreated:*")):
    bucket = f"uploads-{n}"
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": [events]}]})
    for key in ("small.jpg", "large.jpg"):
        s3.upload_file(key, bucket, key)
    seen, quiet = [], 0
    while quiet < 3:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        quiet = 0 if messages else quiet + 1
        for message in messages:
            seen += json.loads(message["Body"]).get("Records", [])  # none in the test event
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    seen = [(r["s3"]["object"]["key"], r["eventName"].split(":")[1]) for r in seen]
    seen.sort(key=lambda s: (s[0] != "small.jpg", s[1] != "Put"))
    print(f"{name}, {events}: " + ", ".join(map(" ".join, seen)))
EOF
for name in moto ministack; do
  port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  case $name in
  moto) venv/bin/moto_server -H 127.0.0.1 -p "$port" >log 2>&1 & ;;
  ministack) TMPDIR=$work GATEWAY_PORT=$port BIND_HOST=127.0.0.1 SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 \
    DOCKER_HOST=unix://$work/none venv/bin/ministack >log 2>&1 & ;;
  esac
  server=$!
  venv/bin/python upload.py "$name" "http://127.0.0.1:$port" | tee -a seen
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
done
diff seen - <<'EOF'
moto, s3:ObjectCreated:Put: small.jpg Put, large.jpg Put
moto, s3:ObjectCreated:*: small.jpg Put, large.jpg Put, large.jpg CompleteMultipartUpload
ministack, s3:ObjectCreated:Put: small.jpg Put
ministack, s3:ObjectCreated:*: small.jpg Put, large.jpg CompleteMultipartUpload
EOF
