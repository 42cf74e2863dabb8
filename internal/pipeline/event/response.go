package event

// SQSResponse lists the messages of an invocation that SQS should deliver again; it deletes all
// others. A message without an ID cannot be listed on its own: an empty identifier means all
// messages (Lambda Developer Guide, "Implementing partial batch responses", with
// ReportBatchItemFailures).
type SQSResponse struct {
	Failures []SQSFailure `json:"batchItemFailures"`
}

// SQSFailure identifies one message.
type SQSFailure struct {
	ID string `json:"itemIdentifier"`
}

// FailMessages returns the response that asks for another delivery of the messages with the given
// IDs. It lists each ID once, in the order given. Without any, all messages are acknowledged.
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

// ResultCode is the result of a task for S3 Batch Operations.
type ResultCode string

const (
	Succeeded        ResultCode = "Succeeded"
	TemporaryFailure ResultCode = "TemporaryFailure" // retried before the job ends
	PermanentFailure ResultCode = "PermanentFailure" // counted as failed
)

// BatchResponse is the response to an S3 Batch Operations invocation (Amazon S3 User Guide, "Invoke
// AWS Lambda function").
type BatchResponse struct {
	SchemaVersion      string        `json:"invocationSchemaVersion"`
	TreatMissingKeysAs ResultCode    `json:"treatMissingKeysAs"`
	InvocationID       string        `json:"invocationId"`
	Results            []BatchResult `json:"results"`
}

// BatchResult is the result of one task. Text appears in the job's completion report.
type BatchResult struct {
	TaskID string     `json:"taskId"`
	Code   ResultCode `json:"resultCode"`
	Text   string     `json:"resultString"`
}

// Response returns the response with the given results. Tasks without a result count as failed.
func (b Batch) Response(results ...BatchResult) BatchResponse {
	return BatchResponse{
		SchemaVersion: b.SchemaVersion, TreatMissingKeysAs: PermanentFailure, InvocationID: b.InvocationID,
		Results: append([]BatchResult{}, results...),
	}
}
