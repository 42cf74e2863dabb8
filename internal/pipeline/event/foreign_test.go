package event

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// TestForeignReaderAgrees decodes what this package writes into AWS's own Go types.
func TestForeignReaderAgrees(t *testing.T) {
	for _, want := range []Change{put, marker, {Bucket: "b", Key: "100%/~*(+)\xff写真 .jpg", Size: 0, Time: when}} {
		body, err := Notification(want)
		if err != nil {
			t.Fatal(err)
		}
		var e events.S3Event
		if err := strict(body, &e); err != nil {
			t.Fatal(err)
		}
		r := e.Records[0]
		o := r.S3.Object
		got := Change{
			Bucket: r.S3.Bucket.Name, Key: o.URLDecodedKey, VersionID: o.VersionID, ETag: o.ETag, Size: o.Size, Sequencer: o.Sequencer,
			Removed: r.EventName == "ObjectRemoved:Delete", Time: r.EventTime,
		}
		if want.Size = max(want.Size, 0); got != want { // they do not distinguish 0 from unknown
			t.Errorf("decoded as %+v, want %+v", got, want)
		}
	}
	var failures events.SQSEventResponse
	readBack(t, FailMessages("a", "b"), &failures)
	if want := []events.SQSBatchItemFailure{{ItemIdentifier: "a"}, {ItemIdentifier: "b"}}; !reflect.DeepEqual(failures.BatchItemFailures, want) {
		t.Errorf("decoded as %+v", failures)
	}
	var response events.S3BatchJobResponse
	readBack(t, Batch{SchemaVersion: "1.0", InvocationID: "i"}.Response(BatchResult{"t", Succeeded, "done"}), &response)
	if want := (events.S3BatchJobResponse{
		InvocationSchemaVersion: "1.0", TreatMissingKeysAs: "PermanentFailure", InvocationID: "i",
		Results: []events.S3BatchJobResult{{TaskID: "t", ResultCode: "Succeeded", ResultString: "done"}},
	}); !reflect.DeepEqual(response, want) {
		t.Errorf("decoded as %+v, want %+v", response, want)
	}
}

// TestGoldensAreAWS checks with the same types that our fixtures have no member that AWS does not
// send.
func TestGoldensAreAWS(t *testing.T) {
	for name, into := range map[string]any{
		"s3-put.json": &events.S3Event{}, "s3-mixed.json": &events.S3Event{}, "s3-test.json": &events.S3TestEvent{},
		"sqs.json": &events.SQSEvent{}, "sns.json": &events.SNSEvent{}, "eventbridge-created.json": &events.EventBridgeEvent{},
		"s3batch-1.0.json": &events.S3BatchJobEvent{}, "s3batch-2.0.json": &events.S3BatchJobEventV2{},
	} {
		if err := strict(golden(t, name), into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func strict(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func readBack(t *testing.T, from, into any) {
	t.Helper()
	body, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := strict(body, into); err != nil {
		t.Fatal(err)
	}
}
