package outcome

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestVerdictLevel(t *testing.T) {
	for v, want := range map[Verdict]slog.Level{
		Done: slog.LevelInfo, Skipped: slog.LevelInfo, Retry: slog.LevelWarn, Bad: slog.LevelWarn,
	} {
		if got := v.Level(); got != want {
			t.Errorf("%s is logged at %v, want %v", v, got, want)
		}
	}
}

// logged returns the line that a JSON log writes.
func logged(log func(*slog.Logger)) string {
	var b bytes.Buffer
	log(slog.New(slog.NewJSONHandler(&b, nil)))
	return b.String()
}

func TestParseLineReadsWhatAttrsWrites(t *testing.T) {
	for _, c := range []Change{
		{Bucket: "photos-input", Key: "夏/a b\n.jpg", Verdict: Done, Dropped: "a; b", MS: 153.2,
			BytesIn: 2400000, BytesOut: 320000, Variants: 3},
		{Bucket: "photos-input", Key: "k", Verdict: Bad, Reason: "corrupt", MS: 1, BytesIn: 7},
		{Bucket: "photos-input", Key: "k", Verdict: Skipped, Reason: "our own output"},
	} {
		text := logged(func(log *slog.Logger) {
			log.With(AttrRequest, "r-1").LogAttrs(t.Context(), c.Verdict.Level(), ChangeMessage,
				c.Attrs()...)
		})
		want := Line{Level: c.Verdict.Level().String(), Message: ChangeMessage, Request: "r-1",
			Change: c}
		if got, ok := ParseLine(text); !ok || got != want {
			t.Errorf("%s is read as %+v (%v), want %+v", text, got, ok, want)
		}
	}
}

func TestParseLineReadsErrorsAndRefusesOtherText(t *testing.T) {
	text := logged(func(log *slog.Logger) {
		log.Error("cannot start", AttrError,
			"imgmill.yaml:3: no")
	})
	want := Line{Level: "ERROR", Message: "cannot start",
		Change: Change{Reason: "imgmill.yaml:3: no"}}
	if got, ok := ParseLine(text); !ok || got != want {
		t.Errorf("%s is read as %+v (%v), want %+v", text, got, ok, want)
	}
	for _, text := range []string{"", `{"not":"ours"}`, `{"broken`, `{"level":"INFO"}`, `{"msg":"x"}`, "START RequestId: x"} {
		if got, ok := ParseLine(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// TestJSONNamesAreTheAttributeNames compares the struct tags, which cannot use constants, with the
// constants.
func TestJSONNamesAreTheAttributeNames(t *testing.T) {
	var names []string
	for field := range reflect.TypeFor[Change]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	want := []string{AttrBucket, AttrKey, AttrVerdict, AttrReason, AttrDropped, AttrPreview, AttrMS, AttrBytesIn,
		AttrBytesOut, AttrVariants}
	if !slices.Equal(names, want) {
		t.Errorf("the JSON names are %q, want %q", names, want)
	}
	line := map[string]any{slog.LevelKey: "INFO", slog.MessageKey: "m", AttrRequest: "r",
		AttrError: "e"}
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := ParseLine(string(text)); !ok ||
		got != (Line{"INFO", "m", "r", Change{Reason: "e"}}) {
		t.Errorf("%s is read as %+v (%v)", text, got, ok)
	}
}
