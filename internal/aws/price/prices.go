package price

import "fmt"

// tier is a price per unit up to an amount a month, in units.
type tier struct{ upTo, usd float64 }

// prices holds those of one region, in US dollars, on demand; regions.go, which a program writes, has
// all of them. In AWS's public price list, which needs no account, each has a usage type in the offer
// file of its service, https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/REGION/index.json.
// Where AWS has tiers that only a very large deployment reaches, it is the first: of compute up to 6e9
// GB-seconds (arm64 7.5e9), of logs up to 10 TB, of Rekognition up to a million pictures a month.
type prices struct {
	request     float64 // AWSLambda Request, Request-ARM: one
	gbSecondARM float64 // AWSLambda Lambda-GB-Second-ARM
	gbSecondAMD float64 // AWSLambda Lambda-GB-Second
	put         float64 // AmazonS3 Requests-Tier1: one PUT, COPY, POST or LIST
	get         float64 // AmazonS3 Requests-Tier2: one GET, HEAD or any other
	storage     []tier  // AmazonS3 TimedStorage-ByteHrs: GB-month of S3 Standard
	batchJob    float64 // AmazonS3 BatchOperations-Jobs: a job of S3 Batch Operations
	batchObject float64 // AmazonS3 BatchOperations-Objects: an object in it
	logIngested float64 // AmazonCloudWatch VendedLog-Bytes: GB of Lambda's logs
	logStored   float64 // AmazonCloudWatch TimedStorage-ByteHrs: GB-month
	alarm       float64 // AmazonCloudWatch CW:AlarmMonitorUsage: metric of an alarm of standard resolution, a month
	metric      float64 // AmazonCloudWatch CW:MetricMonitorUsage: a metric that AWS does not make itself, a month
	message     float64 // AWSQueueService Requests-Tier1: one request to a standard queue
	transferOut []tier  // AWSDataTransfer DataTransfer-Out-Bytes: GB to the internet
	moderation  float64 // AmazonRekognition, Group 2 of image operations: a picture. 0 where it has no price
}

// fallback is the region whose prices stand for those that are not known.
const fallback = "us-east-1"

// pricesOf returns the prices of a region. If some are not known, they are those of the fallback, and
// assumed is a sentence that says so.
func pricesOf(region string, moderated bool) (p prices, assumed string) {
	p, known := regions[region]
	switch {
	case !known:
		return regions[fallback], fmt.Sprintf("No prices of %s are known, so those of %s are used.", region, fallback)
	case moderated && p.moderation == 0:
		p.moderation = regions[fallback].moderation
		assumed = fmt.Sprintf("No price of Amazon Rekognition in %s is known, and AWS may not offer it there: that of %s is used.",
			region, fallback)
	}
	return p, assumed
}

// gbSecond is the price of compute, by architecture.
func (p prices) gbSecond(arch string) float64 {
	if arch == "amd64" {
		return p.gbSecondAMD
	}
	return p.gbSecondARM
}

// dashboard is a month of a dashboard of up to 50 metrics, in every region (AmazonCloudWatch
// DashboardsUsageHour-Basic, location "Any").
const dashboard = 3.00

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
