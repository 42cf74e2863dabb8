package event

// SQSResponse tells SQS which messages of an invocation come again. SQS deletes all others, so a message without an ID
// cannot be told of: an empty identifier makes all come again (Lambda Developer Guide, "Implementing partial batch
// responses", with ReportBatchItemFailures).
type SQSResponse struct {
	Failures []SQSFailure `json:"batchItemFailures"`
}

// SQSFailure names one message.
type SQSFailure struct {
	ID string `json:"itemIdentifier"`
}

// FailMessages is the response that brings these messages back, each named once, in the order given. Without any it says
// that all are done.
func FailMessages(ids ...string) SQSResponse {
	r := SQSResponse{Failures: []SQSFailure{}}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			r.Failures = append(r.Failures, SQSFailure{id})
		}
	}
	return r
}

// ResultCode is how S3 Batch Operations settles a task.
type ResultCode string

const (
	Succeeded        ResultCode = "Succeeded"
	TemporaryFailure ResultCode = "TemporaryFailure" // tried again before the job ends
	PermanentFailure ResultCode = "PermanentFailure" // counted as failed
)

// BatchResponse answers an S3 Batch Operations invocation (Amazon S3 User Guide, "Invoke AWS Lambda function").
type BatchResponse struct {
	SchemaVersion      string        `json:"invocationSchemaVersion"`
	TreatMissingKeysAs ResultCode    `json:"treatMissingKeysAs"`
	InvocationID       string        `json:"invocationId"`
	Results            []BatchResult `json:"results"`
}

// BatchResult settles one task. Text goes into the job's completion report.
type BatchResult struct {
	TaskID string     `json:"taskId"`
	Code   ResultCode `json:"resultCode"`
	Text   string     `json:"resultString"`
}

// Response answers b. Tasks without a result count as failed.
func (b Batch) Response(results ...BatchResult) BatchResponse {
	return BatchResponse{
		SchemaVersion: b.SchemaVersion, TreatMissingKeysAs: PermanentFailure, InvocationID: b.InvocationID,
		Results: append([]BatchResult{}, results...),
	}
}
