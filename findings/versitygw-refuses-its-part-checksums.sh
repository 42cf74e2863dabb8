#!/usr/bin/env bash
# What: an upload in parts that names no checksum algorithm cannot be completed with the part checksums
#   that the server itself has answered with: 400 InvalidPart. Without them, or with the algorithm named
#   at the start, it can.
# Versions: versitygw v1.8.0 (posix backend), boto3 1.43.102 from PyPI.
# Why it matters: large pictures are uploaded in parts. boto3 sends a CRC32 with each part by default, and
#   an uploader that passes on what each part was answered with loses the whole upload at its last
#   request, with a message about parts that "could not be found". Pass ChecksumAlgorithm to
#   create_multipart_upload. MinIO, SeaweedFS and moto accept all three. imgmill uploads in one request.
# Seen: 2026-11-29
#   part 1 is answered with an ETag and ChecksumCRC32
#   completed with the checksums: InvalidPart
#   completed with ETags alone: ok
#   algorithm named, with the checksums: ok
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

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="finding",
                  aws_secret_access_key="finding-secret", config=Config(s3={"addressing_style": "path"}))
for _ in range(100):
    try:
        s3.create_bucket(Bucket="uploads")
        break
    except EndpointConnectionError:
        time.sleep(0.1)


def upload(key, with_checksums, **options):
    where = {"Bucket": "uploads", "Key": key}
    where["UploadId"] = s3.create_multipart_upload(**where, **options)["UploadId"]
    parts = []
    for n, data in enumerate([b"a" * (5 << 20), b"b"], 1):
        answer = s3.upload_part(**where, PartNumber=n, Body=data)
        part = {"PartNumber": n, "ETag": answer["ETag"]}
        if n == 1 and with_checksums and not options:
            print("part 1 is answered with an ETag and", *(k for k in answer if k.startswith("Checksum")))
        if with_checksums:
            part["ChecksumCRC32"] = answer["ChecksumCRC32"]
        parts.append(part)
    try:
        s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    except ClientError as e:
        return e.response["Error"]["Code"]
    return "ok"


print("completed with the checksums:", upload("a.tif", True))
print("completed with ETags alone:", upload("b.tif", False))
print("algorithm named, with the checksums:", upload("c.tif", True, ChecksumAlgorithm="CRC32"))
EOF
seen=$(venv/bin/python upload.py "http://127.0.0.1:$port")
echo "$seen"
[ "$seen" = "part 1 is answered with an ETag and ChecksumCRC32
completed with the checksums: InvalidPart
completed with ETags alone: ok
algorithm named, with the checksums: ok" ]
