"""Uploads, copies and fetches with boto3: an operation and its arguments, with the bucket photos-input."""
import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig

s3 = boto3.client("s3")
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
operation, *args = sys.argv[1:]
if operation == "put":
    key, file, cache_control, metadata = args
    extra = {"Metadata": json.loads(metadata) or {}}
    if cache_control:
        extra["CacheControl"] = cache_control
    s3.upload_file(file, "photos-input", key, ExtraArgs=extra, Config=parts)
elif operation == "copy":
    s3.copy({"Bucket": "photos-input", "Key": args[0]}, "photos-input", args[1], Config=parts)
elif operation == "folder":
    s3.put_object(Bucket="photos-input", Key=args[0])
elif operation == "get":
    bucket, key, file = args
    s3.download_file(bucket, key, file)
