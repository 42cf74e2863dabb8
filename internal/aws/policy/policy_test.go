package policy

import (
	"strings"
	"testing"
)

func TestAllows(t *testing.T) {
	const doc = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:Get*","sqs:SendMessage"],"Resource":"arn:aws:s3:::in/*"},
		{"Effect":"Allow","NotAction":"iam:*","Resource":["arn:aws:logs:?:x"]},
		{"Effect":"Allow","Action":"kms:decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":["s3.a","s3.b"]}}},
		{"Effect":"Allow","Action":"kms:Sign","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
		{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu"}}},
		{"Effect":"Allow","Action":"a:c","Resource":"*","Condition":{"StringLikeIfExists":{"aws:missing":"x*"}}},
		{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::in/secret/*"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`
	for _, text := range []string{doc, strings.NewReplacer("%", "%25", "{", "%7B", `"`, "%22", " ", "%20").Replace(doc)} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			action, resource string
			want             bool
		}{
			{"s3:GetObject", "arn:aws:s3:::in/a.jpg", true},
			{"S3:getobject", "arn:aws:s3:::in/a.jpg", true},
			{"s3:PutObject", "arn:aws:s3:::in/a.jpg", false},
			{"s3:GetObject", "arn:aws:s3:::in", false},
			{"s3:GetObject", "arn:aws:s3:::in/secret/a", false},
			{"logs:Put", "arn:aws:logs:1:x", true}, {"logs:Put", "arn:aws:logs:12:x", false},
			{"iam:Put", "arn:aws:logs:1:x", false},
			{"kms:Decrypt", "k", true}, {"kms:Sign", "k", false}, {"a:b", "r", true},
			{"a:c", "r", true},
		} {
			context := map[string]string{"kms:viaservice": "s3.b", "aws:SecureTransport": "true",
				"aws:RequestedRegion": "us"}
			if got := Allows([]Document{p}, Request{Action: test.action, Resource: test.resource,
				Context: context}); got != test.want {
				t.Errorf("%s on %s: %v", test.action, test.resource, got)
			}
			context["aws:SecureTransport"] = "false"
			if Allows([]Document{p}, Request{Action: test.action, Resource: test.resource,
				Context: context}) {
				t.Errorf("%s on %s is allowed without TLS", test.action, test.resource)
			}
		}
	}
	if Allows(nil, Request{Action: "a:b", Resource: "r"}) {
		t.Error("a request is allowed without any policy")
	}
}

func TestAllowsService(t *testing.T) {
	for _, test := range []struct {
		statement string
		want      bool
	}{
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"f","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"},"StringEquals":{"AWS:SourceAccount":"1"}}}`, true},
		{`{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":"f"}`, true},
		{`{"Effect":"Allow","Principal":{"Service":["sns.amazonaws.com","s3.amazonaws.com"]},"Action":"lambda:*","Resource":"*"}`, true},
		{`{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"lambda:*","Resource":"f"}`, false},
		{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"lambda:*","Resource":"f"}`, false},
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:*","Resource":"f","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::other"}}}`, false},
		{`{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:*","Resource":"f","Condition":{"StringEquals":{"aws:SourceAccount":"2"}}}`, false},
	} {
		p, err := Parse(`{"Statement":` + test.statement + `}`)
		if err != nil {
			t.Fatal(err)
		}
		a := Request{Action: "lambda:InvokeFunction", Resource: "f", Service: "s3.amazonaws.com",
			Context: map[string]string{"aws:SourceArn": "arn:aws:s3:::b", "aws:SourceAccount": "1"}}
		if got := Allows([]Document{p}, a); got != test.want {
			t.Errorf("%s: %v", test.statement, got)
		}
	}
}

func TestTrusts(t *testing.T) {
	const lambda = "lambda.amazonaws.com"
	context := map[string]string{"aws:SourceAccount": "1"}
	for _, test := range []struct {
		statement string
		want      bool
	}{
		{`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, true},
		{`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`, false},
		{`{"Effect":"Deny","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`, false},
		{`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"2"}}}`, false},
	} {
		d, err := Parse(`{"Statement":` + test.statement + `}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Trusts(lambda, context); got != test.want {
			t.Errorf("%s: %v", test.statement, got)
		}
	}
}
