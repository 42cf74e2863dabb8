# What CI runs, in parts. `make check` is the part for every change; see CONTRIBUTING.md.

GO ?= go
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
export CGO_ENABLED ?= 0

.PHONY: check build chart test race fmt vet cross clients sim faults kills scales fuzz bench-smoke arm64 instructions generate template rie lcms gainmaps watermarks cases matrix store stores webp-readers webp-bytes manykeys synckills workers events receivers overload placeholders browser hevc-matrix ssimulacra2 jpeg-bytes functions release console png-readers prices terraform jpeg-readers demo cdk cdk-package

check: fmt vet test race cross functions

build:
	$(GO) build -trimpath -o imgmill ./cmd/imgmill

test:
	$(GO) test ./...

# Packages that start goroutines, or whose tests do, and those to which the test suites of others do it. What measures
# other programs, and programs that tests build without the detector, are left out.
RACE = $$(git grep -lE '^[^/]*((^|[^a-zA-Z"])go (func|[a-zA-Z.]+\()|\.Go\()' -- '*.go' ':!bench' ':!findings' ':!cmd' ':!*/_asm/*' ':!.ci' | \
	xargs -n1 dirname | sort -u | sed 's|^|./|') \
	./internal/engine/render ./internal/pipeline/bucket/... ./internal/pipeline/queue/... ./internal/service/telemetry
race:
	CGO_ENABLED=1 $(GO) test -race -short $(RACE)

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 $(GO) vet ./...
	$(STATICCHECK) ./...

cross:
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/imgmill
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/imgmill
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/imgmill
	$(GO) build -tags nohevc -o /dev/null ./cmd/imgmill
	$(GO) test -tags nohevc ./internal/engine/heif

# The function as imgmill package builds it, for both of Lambda's processors; what is built with the tag release holds them.
# The size has a ceiling.
FUNCTIONS = internal/aws/pack/functions
functions:
	@mkdir -p $(FUNCTIONS)
	@for arch in amd64 arm64; do \
		file=$(FUNCTIONS)/bootstrap_$$arch && \
		GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags=-s -tags lambda.norpc -buildvcs=false -o $$file ./cmd/bootstrap && \
		gzip -9nf $$file && size=$$(wc -c <$$file.gz) && \
		echo "bootstrap $$arch: $$size bytes compressed" && [ $$size -lt 8000000 ] || exit 1; \
	done

# The command as releases have it, for this machine: it deploys without Go. RELEASE=v1.2.3 says of which version, and checks
# also that other places of the same source make the same function.
release: functions
	$(GO) build -trimpath -ldflags='-s$(if $(RELEASE), -X github.com/imgmill/imgmill/internal/cli.release=$(RELEASE))' -tags release -o dist/imgmill ./cmd/imgmill
	$(GO) test -tags release -run Bundled ./internal/aws/pack
	IMGMILL_RELEASE=$(RELEASE) $(GO) test -count=1 -run 'EqualSource|ReleaseVersion' ./internal/aws/pack ./internal/cli
	dir=$$(mktemp -d) && program=$$(pwd)/dist/imgmill && \
	(cd $$dir && for arch in amd64 arm64; do env -i HOME=$$dir $$program package --arch $$arch || exit 1; done); \
	status=$$?; rm -r $$dir; exit $$status

# Assembly is made from _asm/; the working tree is clean afterwards if what is committed is what is made.
generate:
	$(GO) generate ./internal/...

# AWS's prices of every region, from the lists that its pricing pages show; PRICES="-from DIR -date 2025-12-06 -source TEXT"
# reads lists that were kept.
prices:
	$(GO) run ./internal/aws/price/generate $(PRICES) >regions.go.new && mv regions.go.new internal/aws/price/regions.go || { rm -f regions.go.new; exit 1; }

# The demo site in docs/demo, from its recipe and page in bench/demo; a test compares them.
demo:
	$(GO) run ./bench/demo docs/demo

# The longer runs, each with a bound; CI calls them one by one.

# The AWS CLI, rclone, s3cmd, boto3 and the AWS SDK for JavaScript, if they are installed; NODE_MODULES names the folder of
# the last.
clients:
	IMGMILL_CLIENTS=1 $(GO) test -count=1 -timeout 280s -run "AWSCLI|Rclone|S3cmd|Boto3|JavaScript" -v ./internal/cli

# Processes, faults and events in any order, and random recipes, more of them than go test ./... has.
sim:
	IMGMILL_SEEDS=12000 $(GO) test -count=1 -run 'Simulation|NoLoops|NoCollisions' ./internal/pipeline/mill ./internal/pipeline/recipe

# The pipeline through a proxy that stalls, truncates, resets and lies; a server with few files, among thousands of
# connections, with a damaged queue; a full disk; a function and a worker with little memory.
# The last three need root, for a mount and control groups.
faults:
	IMGMILL_FAULT_SEEDS=5 $(GO) test -count=1 -timeout 280s -run 'Fault|FewFiles|Crowd|Unfinished|Queue' ./internal/service/devcloud
	IMGMILL_DISK=1 $(GO) test -count=1 -timeout 60s -run FullDisk -v ./internal/cli
	$(GO) test -count=1 -timeout 200s -run 'Function/a_memory_limit' -v ./cmd/bootstrap
	IMGMILL_GROUP=1 $(GO) test -count=1 -timeout 280s -run WorkerGroup -v ./internal/cli

# SIGKILL before every change of the journal and the queue, one after the other (Linux), and ten during 500 uploads. STEP=2
# takes every second one, from one of the first two on at random.
STEP ?= 1
kills:
	IMGMILL_KILL_POINTS=$(STEP) $(GO) test -count=1 -timeout 900s -run 'KillPoints|TestKill$$' -v ./internal/cli

# Kills of sync over 20,000 pictures: two minutes. CI takes fewer.
PICTURES ?= 20000
synckills:
	IMGMILL_SYNC_OBJECTS=$(PICTURES) $(GO) test -count=1 -timeout 1800s -run SyncKilled -v ./internal/cli

# 10,000 uploads and removals through four workers, with 30 kills and a proxy that injects faults, on ministack's SQS and on
# a NATS server: 6 and 20 minutes. ministack must be on the path.
workers:
	IMGMILL_UPLOADS=10000 TIMEOUT=2400s .ci/queues

# A receiver of webhooks is killed and started again while 1,000 pictures are uploaded, and dev and a worker that polls in
# between; each picture must be reported.
events:
	IMGMILL_EVENTS_UPLOADS=1000 $(GO) test -count=1 -timeout 600s -run 'ReceiverKilled|PollNotifies' -v ./internal/cli

# The receivers that docs/events.md shows, with the published libraries of Standard Webhooks.
receivers:
	dir=$$(mktemp -d) && \
	npm install --silent --no-audit --no-fund --prefix $$dir standardwebhooks@1.1.1 >/dev/null && \
	python3 -m venv $$dir/venv && $$dir/venv/bin/pip install -q --disable-pip-version-check standardwebhooks==1.1.0 && \
	PATH=$$dir/venv/bin:$$PATH IMGMILL_RECEIVERS=$$dir $(GO) test -count=1 -timeout 120s -run 'Receivers' -v ./internal/cli; \
	status=$$?; rm -r $$dir; exit $$status

# A worker in a control group with 256 MB is sent twice what it can make for ten minutes; then it makes the rest. It needs
# root.
overload:
	IMGMILL_OVERLOAD=10m TIMEOUT=3000s TESTS=Overload .ci/queues nats

# The comparison of two buckets over ten million pictures, in less than 100 MB: half a minute.
manykeys:
	IMGMILL_KEYS=10000000 $(GO) test -count=1 -run ManyKeys -v ./internal/service/sync

# Every photograph of IMGMILL_CORPUS at every n/8 against djpeg's.
scales:
	IMGMILL_SCALES=all $(GO) test -count=1 -run ScaledQuality -v ./internal/engine/jpeg/decode

# A count, not a time: a deadline can end a worker mid-run, which go test reports as a failure (golang/go#75804).
FUZZTIME ?= 20000x
fuzz:
	@for target in $$(grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9]*' internal | sed 's#/[^/]*_test.go:.*func #:#' | sort -u); do \
		echo "$$target"; \
		$(GO) test -run '^$$' -fuzz "^$${target#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x ./$${target%%:*} || exit 1; \
	done

# Runs every benchmark once, to show that all of them work; it measures nothing.
bench-smoke:
	$(GO) test -timeout 120s -run '^$$' -bench . -benchtime 1x ./internal/engine/...

arm64:
	GOARCH=arm64 $(GO) test -count=1 -exec qemu-aarch64-static ./internal/engine/resample ./internal/engine/dct ./internal/engine/cpu ./internal/engine/plane
	GOARCH=arm64 $(GO) test -count=1 -exec qemu-aarch64-static -run EveryMachine ./internal/engine/ssimulacra2
	GOARCH=arm64 $(GO) test -count=1 -exec qemu-aarch64-static -run 'Kernels|Streams|PlainEqualsVector' ./internal/engine/hevc
	GOARCH=arm64 $(GO) test -count=1 -exec qemu-aarch64-static -run 'Walk|Tracks|Kernel|Grey|Decode|ProgressiveEquals' ./internal/engine/jpeg/decode

# Instructions that the kernels of JPEG execute for each Huffman symbol, on amd64 and arm64, as QEMU's user mode emulation counts
# them: some minutes. It needs jpegtran and IMGMILL_CORPUS.
instructions:
	IMGMILL_INSTRUCTIONS=1 $(GO) test -count=1 -timeout 1800s -run 'Instructions$$' -v ./internal/engine/jpeg/decode

# The conformance suite against a store that runs, such as MinIO or SeaweedFS: make store STORE=http://127.0.0.1:9000
# KEY=minioadmin SECRET=minioadmin VERSIONS=1. SKIP names tests of what the probe cannot find out, such as KeysFolded.
KEY ?= test
SECRET ?= test
store:
	IMGMILL_STORE=$(STORE) IMGMILL_STORE_KEY=$(KEY) IMGMILL_STORE_SECRET=$(SECRET) IMGMILL_STORE_VERSIONS=$(VERSIONS) \
		$(GO) test -count=1 -timeout 280s -short -run RealStore $(if $(SKIP),-skip 'RealStore/^($(SKIP))$$') ./internal/pipeline/bucket/s3

# The same against versitygw, MinIO and SeaweedFS, which are built first: 10 minutes on two cores, so CI does without.
stores:
	timeout 3000 .ci/stores versitygw minio seaweedfs

# What needs the tools of .ci/requirements.txt, which it finds in PATH.

# Random colours by every profile of the machine against LittleCMS.
lcms:
	IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -run LittleCMS -v ./internal/engine/colour

# Gain maps that libvips must load, and sharp if the bench has installed it.
gainmaps:
	sharp=$$(pwd)/bench/node_modules/sharp; [ -d "$$sharp" ] || sharp=; \
	IMGMILL_SHARP=$$sharp IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -run GainMapForOthers -v ./internal/engine/render

# Watermarks against what Pillow composes, and libvips if the bench has installed sharp.
watermarks:
	sharp=$$(pwd)/bench/node_modules/sharp; [ -d "$$sharp" ] || sharp=; \
	IMGMILL_SHARP=$$sharp IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -run WatermarkAsOthers -v ./internal/engine/render

# ThumbHash and BlurHash against their reference implementations on npm.
CASES ?= 3000
placeholders:
	dir=$$(mktemp -d) && cp internal/engine/placeholder/testdata/reference.mjs $$dir && \
	npm install --silent --no-audit --no-fund --prefix $$dir thumbhash@0.1.1 blurhash@2.0.5 >/dev/null && \
	node $$dir/reference.mjs $(CASES) >$$dir/cases && \
	IMGMILL_PLACEHOLDERS=$$dir/cases $(GO) test -count=1 -run 'Reference' -v ./internal/engine/placeholder; \
	status=$$?; rm -r $$dir; exit $$status

# Pages in chromium at three widths, which must fetch the picture that fits; and a web page's set of 200 files of
# IMGMILL_CORPUS.
browser:
	IMGMILL_BROWSER=1 IMGMILL_PAGES=1 $(GO) test -count=1 -timeout 280s -run 'Browser|MixedPictures' -v ./internal/pipeline/manifest

# The console in chromium: uploads, slider, recipe, a killed server, Japanese, a phone, axe. SCREENSHOTS=docs/console makes
# the pictures of its page anew, for which Japanese needs a font such as Debian's fonts-noto-cjk. LOAD=1 uploads 1000 pictures
# and scrolls 10,000 rows instead, and reports frames and memory.
console:
	dir=$$(mktemp -d) && $(GO) build -o $$dir/imgmill ./cmd/imgmill && \
	npm install --silent --no-audit --no-fund --prefix $$dir playwright-core@1.65.1 axe-core@4.14.1 >/dev/null && \
	NODE_MODULES=$$dir/node_modules timeout $(if $(LOAD),900,280) node internal/service/console/testdata/browser.mjs $$dir/imgmill \
		$(if $(SCREENSHOTS),--screenshots $(SCREENSHOTS)) $(if $(LOAD),--load); \
	status=$$?; rm -r $$dir; exit $$status

# Small files that public bug reports describe, with the right pictures beside them. tiff-lab's reference is up to 14 levels
# off TIFF's formula, because LittleCMS interpolated in a table; without that, it agrees with us within 1 level.
cases:
	dir=$$(mktemp -d) && $(GO) build -o $$dir/imgmill ./cmd/imgmill && \
	{ python3 $(IMGMILL_CORPUS)/cases/check.py $(IMGMILL_CORPUS)/cases --imgmill $$dir/imgmill -q --json $$dir/result || true; } && \
	python3 -c 'import json, sys; bad = {c["name"] for c in json.load(open(sys.argv[1])) if not c["ok"]} - {"tiff-lab"}; sys.exit(f"wrong: {sorted(bad)}" if bad else 0)' $$dir/result; \
	status=$$?; rm -r $$dir; exit $$status

# Pictures that other programs write, in every depth, colour, layout and compression, against what those programs read.
matrix:
	dir=$$(mktemp -d) && python3 -B .ci/matrix $$dir/cases && \
	IMGMILL_MATRIX=$$dir/cases $(GO) test -count=1 -run 'TestTools$$' -v ./internal/engine/formats; \
	status=$$?; rm -r $$dir; exit $$status

# SSIMULACRA2 against libjxl's tool, from version 0.9 on (Debian 13: libjxl-devtools), over the Kodak set of IMGMILL_CORPUS:
# two minutes.
SSIMULACRA2 ?= ssimulacra2
ssimulacra2:
	IMGMILL_SSIMULACRA2=$(SSIMULACRA2) $(GO) test -count=1 -run 'ReferenceTool$$' -v ./internal/engine/ssimulacra2

# Random WebP files in every setting, and animations, whose pixels libwebp's tools, golang.org/x/image, Pillow, sharp and
# chromium must read as we do, to the bit; Pillow is found in PATH. sharp is left out if the bench has not installed it, and
# other programs if the machine has not. 10,000 have every size from 1×1 to 70×70 twice.
READERS ?= 10000
webp-readers:
	sharp=$$(pwd)/bench/node_modules/sharp; [ -d "$$sharp" ] || sharp=; \
	IMGMILL_READERS=$(READERS) IMGMILL_SHARP=$$sharp IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -timeout 900s -run 'TestReaders$$' -v ./internal/engine/webp

# The same for PNG, by Go's image/png, Pillow, sharp and chromium.
png-readers:
	sharp=$$(pwd)/bench/node_modules/sharp; [ -d "$$sharp" ] || sharp=; \
	IMGMILL_READERS=$(READERS) IMGMILL_SHARP=$$sharp IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -timeout 900s -run 'TestReaders$$' -v ./internal/engine/png

# The same for JPEG, by djpeg, Go's image/jpeg, Pillow, sharp and chromium, which may differ by two levels.
jpeg-readers:
	sharp=$$(pwd)/bench/node_modules/sharp; [ -d "$$sharp" ] || sharp=; \
	IMGMILL_READERS=$(READERS) IMGMILL_SHARP=$$sharp IMGMILL_PYTHON=$$(command -v python3) $(GO) test -count=1 -timeout 900s -run 'TestReaders$$' -v ./internal/engine/jpeg

# The bytes of WebP at the quality of libwebp's, over IMGMILL_CORPUS: half an hour on two cores, the next time less.
EFFORTS ?= fast,normal,high
webp-bytes:
	dir=$$(mktemp -d) && $(GO) build -o $$dir/imgmill ./cmd/imgmill && python3 -m venv $$dir/venv && \
	$$dir/venv/bin/pip install -q --disable-pip-version-check -r bench/webp/requirements.txt && \
	OPENBLAS_NUM_THREADS=1 $$dir/venv/bin/python bench/webp/measure.py --efforts $(EFFORTS) $$dir/imgmill $(IMGMILL_CORPUS)/kodak/*.png \
		$$(ls $(IMGMILL_CORPUS)/photos/*.jpg | grep -v -e progressive -e restart); \
	status=$$?; rm -r $$dir; exit $$status

# The bytes of JPEG at equal looks, beside those of libjpeg-turbo, mozjpeg and jpegli, over IMGMILL_CORPUS: half an hour on two
# cores, the next time less. It fails if normal or high effort needs more bytes, in percent of libjpeg-turbo's, than MOST says.
# libjxl's butteraugli_main must be on the path (Debian: libjxl-devtools).
ENCODERS ?= .
MOST ?= normal=-8,high=-10
JPEGS ?= $(IMGMILL_CORPUS)/kodak/*.png $(filter-out %-progressive.jpg %-restart.jpg,$(wildcard $(IMGMILL_CORPUS)/photos/*.jpg))
jpeg-bytes:
	$(GO) run ./bench -rate -n 5 -rows '$(ENCODERS)' -most '$(MOST)' $(JPEGS)

# Pictures that x265 writes in every format, depth, size and setting, and random streams, against ffmpeg's and libde265's
# decodes.
RANDOM_STREAMS ?= 60
hevc-matrix:
	dir=$$(mktemp -d) && IMGMILL_HEVC_RANDOM=$$dir IMGMILL_HEVC_COUNT=$(RANDOM_STREAMS) $(GO) test -count=1 -run WriteRandom ./internal/engine/hevc && \
	python3 -B .ci/hevc-matrix $$dir && IMGMILL_HEVC_MATRIX=$$dir $(GO) test -count=1 -run 'TestMatrix$$' -v ./internal/engine/hevc; \
	status=$$?; rm -r $$dir; exit $$status

template:
	IMGMILL_TEMPLATE_TOOLS=1 $(GO) test -count=1 -run 'Tools|EverySetting' -v ./internal/aws/template

# The Terraform module, by terraform or tofu if one is installed: it must plan what the template makes. A provider of a hundred
# lines stands in for AWS's, with the schema that @cdktf/provider-aws has.
terraform:
	dir=$$(mktemp -d) && npm install --silent --no-audit --no-fund --legacy-peer-deps --prefix $$dir @cdktf/provider-aws@21.22.1 >/dev/null && \
	node .ci/terraform/schema.mjs $$dir/node_modules/@cdktf/provider-aws terraform/main.tf >$$dir/schema.json && \
	$(GO) build -C .ci/terraform -o $$dir/terraform-provider-aws . && \
	IMGMILL_TERRAFORM=$$dir $(GO) test -count=1 -run 'Terraform' -v ./internal/aws/template; \
	status=$$?; rm -r $$dir; exit $$status

# The package of the CDK construct, as releases have it.
VERSION ?= 0.0.0
cdk-package:
	dir=$$(mktemp -d) && cp -r cdk $$dir && cd $$dir/cdk && rm -rf node_modules lib *.tgz && \
	npm install --silent --no-audit --no-fund --ignore-scripts && npm version --silent --no-git-tag-version --allow-same-version $(VERSION) && \
	npm pack --silent && mv imgmill-cdk-*.tgz $(CURDIR)/cdk/imgmill-cdk.tgz; \
	status=$$?; rm -r $$dir; exit $$status

# The CDK construct as releases have it: cdk synth must make of the printed app what the template makes.
cdk: cdk-package
	dir=$$(mktemp -d) && \
	npm install --silent --no-audit --no-fund --prefix $$dir aws-cdk@2.1148.1 aws-cdk-lib@2.276.0 constructs@10.8.1 typescript@7.0.2 tsx@4.23.15 \
		@types/node@26.6.7 $(CURDIR)/cdk/imgmill-cdk.tgz && \
	IMGMILL_CDK=$$dir $(GO) test -count=1 -run 'CDK' -v ./internal/aws/template; \
	status=$$?; rm -r $$dir; exit $$status

# The Helm chart, by helm, which takes minutes to build: not in CI.
chart:
	$(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0 lint --strict container/chart
	$(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0 template photos container/chart --set autoscaling.enabled=true \
		--set queue=https://sqs.eu-central-1.amazonaws.com/123456789012/photos >/dev/null
	$(GO) run helm.sh/helm/v3/cmd/helm@v3.22.0 template photos container/chart --set autoscaling.enabled=true \
		--set queue=nats://nats:4222/photos >/dev/null

RIE ?= $(shell python3 -c 'import platform, samcli; print(samcli.__path__[0] + "/local/rapid/aws-lambda-rie-" + {"x86_64": "x86_64"}.get(platform.machine(), "arm64"))')
rie:
	IMGMILL_RIE=$(RIE) IMGMILL_RIE_PYTHON=$$(command -v python3) $(GO) test -count=1 -run RuntimeInterfaceEmulator -v ./cmd/bootstrap
