package price

import "math"

// Each price is in AWS's public price list, which needs no account: in the offer file
//
//	https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/REGION/index.json
//
// of a service code, under a usage type, on demand. Usage types begin with the region's prefix:
// APN1- in ap-northeast-1, EU- in eu-west-1, EUW2- in eu-west-2, and nothing or USE1- in us-east-1.
// Each field names its service and usage type.

// tier is a price per unit up to an amount a month, in units.
type tier struct{ upTo, usd float64 }

// prices holds those of one region, in US dollars. Where AWS has tiers that only a very large
// deployment reaches, it is the first: of compute up to 6e9 GB-seconds (arm64 7.5e9), of logs up to
// 10 TB.
type prices struct {
	dated       string             // publication of the oldest offer file among those that the figures were compared with
	request     float64            // AWSLambda Request, Request-ARM: one
	gbSecond    map[string]float64 // AWSLambda Lambda-GB-Second, Lambda-GB-Second-ARM: by architecture
	put         float64            // AmazonS3 Requests-Tier1: one PUT, COPY, POST or LIST
	get         float64            // AmazonS3 Requests-Tier2: one GET, HEAD or any other
	storage     []tier             // AmazonS3 TimedStorage-ByteHrs: GB-month of S3 Standard
	logIngested float64            // AmazonCloudWatch DataProcessing-Bytes, and for Lambda's logs the first tier of VendedLog-Bytes: GB
	logStored   float64            // AmazonCloudWatch TimedStorage-ByteHrs: GB-month
	alarm       float64            // AmazonCloudWatch CW:AlarmMonitorUsage: metric of an alarm of standard resolution, a month
	message     float64            // AWSQueueService Requests-Tier1: one request to a standard queue
	transferOut []tier             // AWSDataTransfer DataTransfer-Out-Bytes: GB to the internet
}

// dashboard is a month of a dashboard of up to 50 metrics, in every region (AmazonCloudWatch
// DashboardsUsageHour-Basic, location "Any").
const dashboard = 3.00

// metric is a month of a metric that AWS does not make itself, of the first 10,000, in every region
// (AmazonCloudWatch CW:MetricMonitorUsage; CloudWatch pricing page).
const metric = 0.30

// moderation is the price of a picture of the first million a month that Rekognition moderates, of its Group 2 of
// operations, in us-east-1 (Rekognition pricing page, as of 2026-10-07); the other regions are up to a third dearer.
const moderation = 0.001

// compute is the price in most regions.
var compute = map[string]float64{"arm64": 0.0000133334, "amd64": 0.0000166667}

var regions = map[string]prices{
	"us-east-1": { // N. Virginia
		dated:   "2025-10-01",
		request: 0.20e-6, gbSecond: compute,
		put: 0.005e-3, get: 0.0004e-3,
		storage:     []tier{{50 * tb, 0.023}, {500 * tb, 0.022}, {math.Inf(1), 0.021}},
		logIngested: 0.50, logStored: 0.03, alarm: 0.10, message: 0.40e-6,
		transferOut: []tier{{10 * tb, 0.09}, {50 * tb, 0.085}, {150 * tb, 0.07},
			{math.Inf(1), 0.05}},
	},
	"ap-northeast-1": { // Tokyo
		dated:   "2026-07-01",
		request: 0.20e-6, gbSecond: compute,
		put: 0.0047e-3, get: 0.00037e-3,
		storage:     []tier{{50 * tb, 0.025}, {500 * tb, 0.024}, {math.Inf(1), 0.023}},
		logIngested: 0.76, logStored: 0.033, alarm: 0.10, message: 0.40e-6,
		transferOut: []tier{{10 * tb, 0.114}, {50 * tb, 0.089}, {150 * tb, 0.086},
			{math.Inf(1), 0.084}},
	},
	"eu-west-1": { // Ireland
		dated:   "2026-03-01",
		request: 0.20e-6, gbSecond: compute,
		put: 0.005e-3, get: 0.0004e-3,
		storage:     []tier{{50 * tb, 0.023}, {500 * tb, 0.022}, {math.Inf(1), 0.021}},
		logIngested: 0.57, logStored: 0.03, alarm: 0.10, message: 0.40e-6,
		transferOut: []tier{{10 * tb, 0.09}, {50 * tb, 0.085}, {150 * tb, 0.07},
			{math.Inf(1), 0.05}},
	},
	"eu-west-2": { // London
		dated:   "2026-09-11",
		request: 0.20e-6, gbSecond: compute,
		put: 0.0053e-3, get: 0.00042e-3,
		storage:     []tier{{50 * tb, 0.024}, {500 * tb, 0.023}, {math.Inf(1), 0.022}},
		logIngested: 0.5985, logStored: 0.0315, alarm: 0.10, message: 0.40e-6,
		transferOut: []tier{{10 * tb, 0.09}, {50 * tb, 0.085}, {150 * tb, 0.07},
			{math.Inf(1), 0.05}},
	},
}

// tb is a terabyte of AWS's tiers, in GB: 50 TB end at 51200.
const tb = 1024

// The free tier that every account has every month without an end (aws.amazon.com/free, "always
// free"). The price list has it as usage types of the prefix Global-: AWSLambda Global-Request and
// Global-Lambda-GB-Second, AmazonCloudWatch Global-CW:AlarmMonitorUsage and
// Global-DataProcessing-Bytes, AWSQueueService Global-Requests, AWSDataTransfer
// Global-DataTransfer-Out-Bytes; dashboards are only on the CloudWatch pricing page. S3 has none:
// accounts made before 15 July 2025 have 5 GB, 2000 PUTs and 20000 GETs a month in their first
// twelve months, later ones credits that end.
const (
	freeRequests   = 1e6
	freeGBSeconds  = 400e3
	freeAlarms     = 10
	freeMetrics    = 10
	freeDashboards = 3
	freeLogGB      = 5 // ingested and stored together
	freeMessages   = 1e6
	freeTransferGB = 100
)
