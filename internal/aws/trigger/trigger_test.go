package trigger

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const (
	functionARN = "arn:aws:lambda:eu-west-1:123456789012:function:imgmill-photos"
	workARN     = "arn:aws:sqs:eu-west-1:123456789012:imgmill-photos-work"
)

func photos(t *testing.T) deployment.Names {
	t.Helper()
	n, err := deployment.NamesFor("photos")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parsed(t *testing.T, text string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWantedHasEverySpellingAndNoOverlap(t *testing.T) {
	r := parsed(t,
		"source: {bucket: pics-in, prefix: 'my uploads/', suffixes: [.jpg, .JPEG, .x.jpg, '.7z']}\ntarget: {bucket: pics-out}\non_remove: remove\n")
	list := Wanted(photos(t), r, functionARN, "")
	var suffixes []string
	for i, n := range list {
		suffixes = append(suffixes, n.Suffix)
		if n.ARN != functionARN || n.Prefix != "my+uploads/" ||
			!slices.Equal(n.Events, []string{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}) {
			t.Errorf("%v", n)
		}
		if !Owns(photos(t), n) {
			t.Errorf("%v is not recognized as ours", n)
		}
		for _, other := range list[:i] {
			if Overlap(n, other) || n.ID == other.ID {
				t.Errorf("%v and %v overlap", n, other)
			}
		}
	}
	slices.Sort(suffixes)
	// .x.jpg ends in .jpg, and .7Z is not .7z.
	if want := []string{".7Z", ".7z", ".JPEG", ".JPG", ".Jpeg", ".Jpg", ".jpeg", ".jpg"}; !slices.Equal(suffixes,
		want) {
		t.Errorf("suffixes %q, want %q", suffixes, want)
	}

	all := Wanted(photos(t), parsed(t,
		"source: {bucket: pics-in, suffixes: []}\ntarget: {bucket: pics-out}\n"), functionARN,
		workARN)
	if len(all) != 1 || all[0].Suffix != "" || all[0].ARN != workARN || len(all[0].Events) != 1 {
		t.Errorf("without suffixes: %v", all)
	}
}

func TestOwnsComparesIDAndDestination(t *testing.T) {
	n := photos(t)
	for _, c := range []struct {
		id, arn string
		ours    bool
	}{
		{"imgmill-photos-jpg", functionARN, true},
		{"imgmill-photos-jpg", workARN, true},
		{"imgmill-photos-2-jpg", functionARN + "-2", false}, // of the deployment photos-2
		{"imgmill-photos-work-jpg",
			"arn:aws:lambda:eu-west-1:123456789012:function:imgmill-photos-work", false},
		{"mine", functionARN, false}, // created by hand
		{"imgmill-photos-jpg", "arn:aws:sns:eu-west-1:123456789012:imgmill-photos", false},
		{"imgmill-photos-jpg", "", false},
	} {
		if got := Owns(n, Notification{ID: c.id, ARN: c.arn}); got != c.ours {
			t.Errorf("%s to %s: ours is %v", c.id, c.arn, got)
		}
	}
}

func TestOverlap(t *testing.T) {
	base := Notification{Events: []string{"s3:ObjectCreated:*"}, Prefix: "a/", Suffix: ".jpg"}
	for _, c := range []struct {
		event, prefix, suffix string
		want                  bool
	}{
		{"s3:ObjectCreated:*", "a/", ".jpg", true},
		{"s3:ObjectCreated:Put", "a/b/", "x.jpg", true},
		{"s3:ObjectCreated:Put", "", "", true},
		{"s3:*", "", "", true},
		{"s3:ObjectRemoved:*", "a/", ".jpg", false},
		{"s3:ObjectCreated:*", "b/", ".jpg", false},
		{"s3:ObjectCreated:*", "a/", ".JPG", false},
		{"s3:ObjectCreated:*", "a/", ".jpeg", false},
	} {
		other := Notification{Events: []string{c.event}, Prefix: c.prefix, Suffix: c.suffix}
		if Overlap(base, other) != c.want || Overlap(other, base) != c.want {
			t.Errorf("%v: want %v, both ways", c, c.want)
		}
	}
}

// foreignConfiguration returns a random configuration of others, some of it much like ours.
func foreignConfiguration(r *rand.Rand) *types.NotificationConfiguration {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	filters := func() *types.NotificationConfigurationFilter {
		if r.IntN(3) == 0 {
			return nil
		}
		return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleName(pick("Prefix", "prefix")),
				Value: aws.String(pick("", "docs/", "a+b/"))},
			{Name: types.FilterRuleName(pick("Suffix", "suffix")),
				Value: aws.String(pick(".txt", ".jpg"))},
		}}}
	}
	events := func() []types.Event {
		return []types.Event{types.Event(pick("s3:ObjectCreated:*", "s3:ObjectRestore:Post"))}
	}
	id := func() *string {
		return aws.String(pick("imgmill-photos-2-jpg", "imgmill-photos-jpg", "mine", "") +
			fmt.Sprint(r.IntN(9)))
	}
	cfg := &types.NotificationConfiguration{}
	if r.IntN(2) == 0 {
		cfg.EventBridgeConfiguration = &types.EventBridgeConfiguration{}
	}
	for range r.IntN(3) {
		cfg.TopicConfigurations = append(cfg.TopicConfigurations,
			types.TopicConfiguration{Id: id(), TopicArn: aws.String("arn:aws:sns:eu-west-1:1:t"),
				Events: events(), Filter: filters()})
	}
	for range r.IntN(3) {
		cfg.QueueConfigurations = append(cfg.QueueConfigurations,
			types.QueueConfiguration{Id: id(),
				QueueArn: aws.String("arn:aws:sqs:eu-west-1:1:imgmill-photos-2-work"),
				Events:   events(), Filter: filters()})
	}
	for range r.IntN(3) {
		cfg.LambdaFunctionConfigurations = append(cfg.LambdaFunctionConfigurations,
			types.LambdaFunctionConfiguration{Id: id(),
				LambdaFunctionArn: aws.String(functionARN + "-2"), Events: events(),
				Filter: filters()})
	}
	return cfg
}

// TestMergeKeepsForeignEntries: entries of others stay as they are, in order; ours are replaced;
// merging twice is merging once; and removing ours restores the original.
func TestMergeKeepsForeignEntries(t *testing.T) {
	n := photos(t)
	wants := [][]Notification{
		nil,
		Wanted(n, recipe.Default(formats.All()), functionARN, ""),
		Wanted(n, recipe.Default(formats.All()), functionARN, workARN),
		Wanted(n, parsed(t,
			"source: {bucket: pics-in, prefix: p/, suffixes: [.png]}\ntarget: {bucket: pics-out}\n"),
			functionARN, ""),
	}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		current := foreignConfiguration(r)
		before := fmt.Sprint(Entries(current), current.EventBridgeConfiguration != nil)
		first, second := wants[r.IntN(len(wants))], wants[r.IntN(len(wants))]

		once := merge(n, current, first)
		again := merge(n, once, second)
		if !reflect.DeepEqual(again, merge(n, again, second)) {
			t.Fatalf("seed %d: merging twice is not merging once", seed)
		}
		ours, foreign := Split(n, Entries(again))
		if !Same(ours, second) {
			t.Fatalf("seed %d: ours are %v, want %v", seed, ours, second)
		}
		if !Same(foreign, Entries(current)) {
			t.Fatalf("seed %d: others are %v, want %v", seed, foreign, Entries(current))
		}
		if off := merge(n, again, nil); !reflect.DeepEqual(off, current) {
			t.Fatalf("seed %d: after removal %+v, was %+v", seed, off, current)
		}
		if after := fmt.Sprint(Entries(current),
			current.EventBridgeConfiguration != nil); after != before {
			t.Fatalf("seed %d: merge changed its argument", seed)
		}
	}
}

// TestWriteReadsAgainBeforeARetry: an entry that somebody else writes while S3 is busy is kept.
func TestWriteReadsAgainBeforeARetry(t *testing.T) {
	const theirs = `<QueueConfiguration><Id>theirs</Id><Queue>arn:aws:sqs:us-east-1:1:theirs</Queue><Event>s3:ObjectRemoved:*</Event></QueueConfiguration>`
	for _, code := range []string{"SlowDown 503", "OperationAborted 409", "MalformedXML 400"} {
		current, puts, written := "", 0, ""
		c := clienttest.InProcess(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprintf(w, "<NotificationConfiguration>%s</NotificationConfiguration>", current)
				return
			}
			if puts++; puts == 1 {
				name, status, _ := strings.Cut(code, " ")
				n, _ := strconv.Atoi(status)
				w.WriteHeader(n)
				fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", name)
				current = theirs
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			written = string(body)
		})
		wanted := []Notification{{ID: "imgmill-photos-jpg",
			ARN:    "arn:aws:lambda:us-east-1:1:function:imgmill-photos",
			Events: []string{"s3:ObjectCreated:*"}, Suffix: ".jpg"}}
		var changed bool
		var err error
		synctest.Test(t, func(t *testing.T) { changed, err = Write(t.Context(), c, photos(t), "uploads", wanted) })
		if strings.HasPrefix(code, "Malformed") {
			if err == nil || changed || puts != 1 {
				t.Errorf("%s: %d writes, %v", code, puts, err)
			}
			continue
		}
		if err != nil || !changed || puts != 2 || !strings.Contains(written, "<Id>theirs</Id>") ||
			!strings.Contains(written, "<Id>imgmill-photos-jpg</Id>") {
			t.Errorf("%s: %d writes, the last %s, %v", code, puts, written, err)
		}
	}
}
