// Command generate writes the table of prices of package price, from the price lists that AWS's own
// pricing pages show: one file of JSON for each service, which needs no account.
//
//	go run ./internal/aws/price/generate > internal/aws/price/regions.go
//
// It reads them from AWS, or with -from DIR from files that were kept: DIR/lambda.json and so on. A list
// names each price of each region in words; what it says is copied, and nothing is calculated. A region
// that lacks one of the prices is left out and named in the output, because a bill with a part missing
// misleads more than one at another region's prices, which says so.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pages is where AWS's pricing pages take their lists from; %[1]s is the service.
const pages = "https://b0.p.awsstatic.com/pricing/2.0/meteredUnitMaps/%[1]s/USD/current/%[1]s.json"

// locations are AWS's commercial regions with the names that the lists have for them. Other documents
// of AWS say Europe for EU.
var locations = map[string]string{
	"af-south-1": "Africa (Cape Town)",
	"ap-east-1":  "Asia Pacific (Hong Kong)", "ap-east-2": "Asia Pacific (Taipei)",
	"ap-northeast-1": "Asia Pacific (Tokyo)", "ap-northeast-2": "Asia Pacific (Seoul)",
	"ap-northeast-3": "Asia Pacific (Osaka)",
	"ap-south-1":     "Asia Pacific (Mumbai)", "ap-south-2": "Asia Pacific (Hyderabad)",
	"ap-southeast-1": "Asia Pacific (Singapore)", "ap-southeast-2": "Asia Pacific (Sydney)",
	"ap-southeast-3": "Asia Pacific (Jakarta)", "ap-southeast-4": "Asia Pacific (Melbourne)",
	"ap-southeast-5": "Asia Pacific (Malaysia)", "ap-southeast-6": "Asia Pacific (New Zealand)",
	"ap-southeast-7": "Asia Pacific (Thailand)",
	"ca-central-1":   "Canada (Central)", "ca-west-1": "Canada West (Calgary)",
	"eu-central-1": "EU (Frankfurt)", "eu-central-2": "EU (Zurich)", "eu-north-1": "EU (Stockholm)",
	"eu-south-1": "EU (Milan)", "eu-south-2": "EU (Spain)",
	"eu-west-1": "EU (Ireland)", "eu-west-2": "EU (London)", "eu-west-3": "EU (Paris)",
	"il-central-1": "Israel (Tel Aviv)",
	"me-central-1": "Middle East (UAE)", "me-south-1": "Middle East (Bahrain)",
	"mx-central-1": "Mexico (Central)", "sa-east-1": "South America (Sao Paulo)",
	"us-east-1": "US East (N. Virginia)", "us-east-2": "US East (Ohio)",
	"us-west-1": "US West (N. California)", "us-west-2": "US West (Oregon)",
}

// list is the price list of a service.
type list struct {
	Manifest struct {
		Published time.Time `json:"hawkFilePublicationDate"`
	} `json:"manifest"`
	// Regions holds prices in US dollars by the name of the region and of the price.
	Regions map[string]map[string]struct {
		Price string `json:"price"`
	} `json:"regions"`
}

// wanted are the fields of price.prices, each with the service and the names of its prices there.
// Several names are tiers, which end at the amounts in ends, in units.
var wanted = []struct {
	field, service string
	names          []string
	ends           []int
	// optional prices are those of services that AWS does not have everywhere.
	optional bool
}{
	{field: "request", service: "lambda", names: []string{"Lambda Requests-ARM"}},
	{field: "gbSecondARM", service: "lambda", names: []string{"Lambda Duration-ARM"}},
	{field: "gbSecondAMD", service: "lambda", names: []string{"Lambda Duration"}},
	{field: "put", service: "s3", names: []string{"PUT COPY/POST or LIST requests per Requests"}},
	{field: "get", service: "s3", names: []string{"GET and all other requests per Requests"}},
	{field: "storage", service: "s3", names: []string{"Standard Storage First 50 TB per GB Mo",
		"Standard Storage Next 450 TB per GB Mo", "Standard Storage Over 500 TB per GB Mo"},
		ends: []int{50 * 1024, 500 * 1024}},
	{field: "batchJob", service: "s3", names: []string{"Per job fee for Batch Operations jobs"}},
	{field: "batchObject", service: "s3",
		names: []string{"Per object fee for object operations performed by Batch Operations"}},
	{field: "logIngested", service: "cloudwatch", names: []string{"Vended Logs First 10TB"}},
	{field: "logStored", service: "cloudwatch", names: []string{"Stored Data"}},
	{field: "alarm", service: "cloudwatch", names: []string{"Alarm Standard"}},
	{field: "metric", service: "cloudwatch", names: []string{"Metric for the first 10000"}},
	{field: "message", service: "queueservice", names: []string{"Standard per Requests"}},
	{field: "transferOut", service: "datatransfer", names: []string{"DataTransfer External Outbound Next 10 TB",
		"DataTransfer External Outbound Next 40 TB", "DataTransfer External Outbound Next 100 TB",
		"DataTransfer External Outbound Greater than 150 TB"},
		ends: []int{10 * 1024, 50 * 1024, 150 * 1024}},
	{field: "moderation", service: "rekognition", optional: true,
		names: []string{"Rekognition Image API upto 1MM per Images Processed Group2"}},
}

func main() {
	from := flag.String("from", "", "folder with the price lists (default: AWS's pricing pages)")
	date := flag.String("date", time.Now().UTC().Format(time.DateOnly), "day on which the lists were read")
	source := flag.String("source", "AWS's pricing pages", "where they were read, for the comment")
	flag.Parse()
	if err := run(os.Stdout, *from, *date, *source); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, from, date, source string) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("-date: %w", err)
	}
	lists := map[string]list{}
	for _, field := range wanted {
		if _, done := lists[field.service]; done {
			continue
		}
		data, err := read(from, field.service)
		if err != nil {
			return err
		}
		var l list
		if err := json.Unmarshal(data, &l); err != nil {
			return fmt.Errorf("the price list of %s: %w", field.service, err)
		}
		if l.Manifest.Published.IsZero() || len(l.Regions) == 0 {
			return fmt.Errorf("the price list of %s has no date or no regions", field.service)
		}
		lists[field.service] = l
	}
	text, err := format.Source(table(lists, date, source))
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// read returns the price list of a service.
func read(from, service string) ([]byte, error) {
	if from != "" {
		return os.ReadFile(filepath.Join(from, service+".json"))
	}
	response, err := http.Get(fmt.Sprintf(pages, service))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("the price list of %s: %w", service, err)
	}
	return data, nil
}

// table returns the Go file, before it is formatted.
func table(lists map[string]list, date, source string) []byte {
	var b, left bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by internal/aws/price/generate. DO NOT EDIT.\n//\n// As read on %s from %s.\n// Published:", date, source)
	for i, service := range slices.Sorted(maps.Keys(lists)) {
		fmt.Fprintf(&b, "%s %s %s", strings.Repeat(",", min(1, i)), service, lists[service].Manifest.Published.Format(time.DateOnly))
	}
	fmt.Fprintf(&b, ".\n\npackage price\n\nimport \"math\"\n\n// dated is the day on which these prices were AWS's.\nconst dated = %q\n\n", date)
	b.WriteString("// regions are AWS's commercial regions, each with all of its prices.\nvar regions = map[string]prices{\n")
	for _, code := range slices.Sorted(maps.Keys(locations)) {
		row, missing := region(lists, locations[code])
		if missing != "" {
			fmt.Fprintf(&left, "// Of %s, %s is not known.\n", code, missing)
			continue
		}
		fmt.Fprintf(&b, "%q: { // %s\n%s},\n", code, locations[code], row)
	}
	b.WriteString("}\n")
	b.Write(left.Bytes())
	return b.Bytes()
}

// region returns the fields of a region, or the name of a price that is missing.
func region(lists map[string]list, location string) (row, missing string) {
	for _, f := range wanted {
		var tiers []string
		for _, name := range f.names {
			usd, err := strconv.ParseFloat(cmp.Or(lists[f.service].Regions[location][name].Price, "none"), 64)
			if (err != nil || usd <= 0) && !f.optional {
				return "", fmt.Sprintf("%q of %s", name, f.service)
			}
			tiers = append(tiers, strconv.FormatFloat(max(0, usd), 'g', -1, 64))
		}
		switch {
		case len(tiers) == 1 && tiers[0] == "0":
		case len(tiers) == 1:
			row += fmt.Sprintf("%s: %s, ", f.field, tiers[0])
		default:
			row += fmt.Sprintf("\n%s: []tier{", f.field)
			for i, end := range f.ends {
				row += fmt.Sprintf("{%d, %s}, ", end, tiers[i])
			}
			row += fmt.Sprintf("{math.Inf(1), %s}},\n", tiers[len(tiers)-1])
		}
	}
	return row + "\n", ""
}
