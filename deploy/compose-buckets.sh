#!/bin/sh
# Makes the two buckets and their settings; does no harm when they exist.
set -eu
export AWS_ACCESS_KEY_ID=licheng AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=""

bucket() { # endpoint, name
  aws --endpoint-url "$1" s3api head-bucket --bucket "$2" 2>/dev/null ||
    aws --endpoint-url "$1" s3api create-bucket --bucket "$2"
  aws --endpoint-url "$1" s3api put-bucket-versioning --bucket "$2" --versioning-configuration Status=Enabled
}

export AWS_SECRET_ACCESS_KEY="$S3_SECRET_KEY"
bucket http://storage:8333 licheng
aws --endpoint-url http://storage:8333 s3api put-bucket-cors --bucket licheng --cors-configuration \
  "{\"CORSRules\": [{\"AllowedOrigins\": [\"$ORIGIN\"], \"AllowedMethods\": [\"PUT\"], \"AllowedHeaders\": [\"*\"], \"ExposeHeaders\": [\"ETag\"], \"MaxAgeSeconds\": 3600}]}"

export AWS_SECRET_ACCESS_KEY="$S3_REPLICA_SECRET_KEY"
bucket http://replica:8333 licheng-replica
