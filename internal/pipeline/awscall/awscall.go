// Package awscall calls operations of AWS by signed HTTP, with the signer of the SDK. It is for services of which one
// operation is needed: a client of the SDK for each would add to the size and the start-up time of a function.
//
// It does not retry. Specification: AWS General Reference, "Signature Version 4"; the API references of the services,
// "Common errors".
package awscall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Service is a service in a region.
type Service struct {
	Name, Region string // as in the scope of a signature, such as sqs
	Endpoint     string // without a slash at its end
	Credentials  aws.CredentialsProvider
	client       *http.Client
}

// Open returns a service. The endpoint is that of the environment variable AWS_ENDPOINT_URL_VARIABLE or
// AWS_ENDPOINT_URL, if one is set, or else AWS's in the partition.
func Open(name, variable, partition, region string, getenv func(string) string, keys aws.CredentialsProvider) *Service {
	endpoint := cmp.Or(getenv("AWS_ENDPOINT_URL_"+variable), getenv("AWS_ENDPOINT_URL"))
	if endpoint == "" {
		domain := "amazonaws.com"
		if partition == "aws-cn" {
			domain += ".cn"
		}
		endpoint = fmt.Sprintf("https://%s.%s.%s", name, region, domain)
	}
	return &Service{
		name, region, strings.TrimSuffix(endpoint, "/"), keys,
		// Nothing is sent to where a redirect leads.
		&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// Fault is an error that a service answers with.
type Fault struct {
	Status        int
	Code, Message string
}

func (f *Fault) Error() string {
	text := strings.Trim(f.Code+": "+f.Message, ": ")
	return cmp.Or(text, fmt.Sprintf("it answers %d %s", f.Status, http.StatusText(f.Status)))
}

// Passes reports whether another attempt may succeed: after throttling, or a fault of the service.
func (f *Fault) Passes() bool {
	return f.Status >= 500 || f.Status == http.StatusTooManyRequests || strings.Contains(f.Code, "Throttl") ||
		f.Code == "InternalFailure" || f.Code == "InternalException" || f.Code == "ProvisionedThroughputExceededException"
}

// JSON calls an operation of a service that speaks JSON in a version of that protocol, such as 1.1.
func (s *Service) JSON(ctx context.Context, version, target string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	status, answer, err := s.post(ctx, body, map[string]string{
		"Content-Type": "application/x-amz-json-" + version, "X-Amz-Target": target})
	if err != nil || status == http.StatusOK {
		return answer, err
	}
	var fault struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Capital string `json:"Message"`
	}
	json.Unmarshal(answer, &fault) // without them, the status says it
	return nil, &Fault{status, fault.Type[strings.LastIndexByte(fault.Type, '#')+1:], cmp.Or(fault.Message, fault.Capital)}
}

// Query calls an operation of a service that speaks the Query protocol.
func (s *Service) Query(ctx context.Context, action, version string, in url.Values) error {
	in.Set("Action", action)
	in.Set("Version", version)
	status, answer, err := s.post(ctx, []byte(in.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	if err != nil || status == http.StatusOK {
		return err
	}
	var fault struct {
		Error struct{ Code, Message string }
	}
	xml.Unmarshal(answer, &fault) // without them, the status says it
	return &Fault{status, fault.Error.Code, fault.Error.Message}
}

// maxAnswer bounds the bytes of an answer that are read.
const maxAnswer = 256 << 10

// post sends a signed request.
func (s *Service) post(ctx context.Context, body []byte, header map[string]string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	keys, err := s.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), s.Name, s.Region, time.Now()); err != nil {
		return 0, nil, fmt.Errorf("sign: %w", err)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}
