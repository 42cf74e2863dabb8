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

// TestShort: a long text keeps its start and its end, and no half of a character, and takes no more
// bytes in JSON than it may.
func TestShort(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"cause", 5, "cause"}, {"", 5, ""}, {"read: get a/b: denied", 13, "read:...enied"},
		{"夏夏夏夏", 11, "夏...夏"}, {"a\x01\x02\x03b", 19, "a\x01...\x03b"}, {"\xff\xff\xff", 15, "\xff...\xff"},
	} {
		got := Short(test.text, test.limit)
		data, err := json.Marshal(got)
		if got != test.want || err != nil || len(data)-len(`""`) > test.limit {
			t.Errorf("%q within %d bytes is %q, want %q (%s, %v)", test.text, test.limit, got, test.want, data, err)
		}
	}
	for _, hostile := range []string{"\x01", "\u2028", "\xff", "<", `"`, "é", "r"} {
		text := logged(func(log *slog.Logger) {
			c := Change{Key: strings.Repeat(hostile, 1024), Reason: strings.Repeat(hostile, 9999),
				Dropped: strings.Repeat(hostile, 9999)}
			log.LogAttrs(t.Context(), slog.LevelInfo, ChangeMessage, c.Attrs()...)
		})
		if limit := MaxKey + MaxReason + MaxDropped + 200; len(text) > limit {
			t.Errorf("a line of %q has %d bytes, the limit is %d", hostile, len(text), limit)
		}
	}
	if key := strings.Repeat("夏", 341) + "/"; Short(key, MaxKey) != key {
		t.Error("a key of printable characters is shortened")
	}
}
