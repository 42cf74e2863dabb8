package setting

import (
	"strings"
	"testing"
)

var settings = map[string]*Setting{
	"int":    {Name: "int", Type: Int, Min: 1, Max: 100, Example: "80"},
	"number": {Name: "number", Type: Int, Min: 1, Example: "800"},
	"count":  {Name: "count", Type: Int, Min: 1, Choices: []string{"first", "all"}, Default: "first"},
	"bool":   {Name: "bool", Type: Bool, Default: "false"},
	"auto":   {Name: "auto", Type: Bool, Choices: []string{"auto"}, Default: "false"},
	"choice": {Name: "choice", Type: Choice, Choices: []string{"normal", "high"}, Default: "normal"},
	"bytes":  {Name: "bytes", Type: Bytes, Min: 1000, Example: "300KB"},
	"colour": {Name: "colour", Type: Colour, Default: "#ffffff"},
	"place":  {Name: "place", Type: Position, Default: "center"},
	"share":  {Name: "share", Type: Percent, Min: 1, Max: 50, Example: "20%"},
	"file":   {Name: "file", Type: Name, Example: "logo.png"},
	"part":   {Name: "part", Type: Position, Choices: []string{"auto"}, Default: "center"},
}

func TestParseGivesOneTextForEachMeaning(t *testing.T) {
	for _, c := range []struct{ setting, text, want string }{
		{"int", "80", "80"}, {"int", "080", "80"}, {"int", "+1", "1"}, {"int", "100", "100"},
		{"number", "1000000", "1000000"}, {"count", "All", "all"}, {"count", "07", "7"},
		{"bool", "true", "true"}, {"bool", "FALSE", "false"},
		{"auto", "True", "true"}, {"auto", "false", "false"}, {"auto", "AUTO", "auto"},
		{"choice", "high", "high"}, {"choice", "High", "high"},
		{"bytes", "300KB", "300000"}, {"bytes", "1.5 MiB", "1572864"}, {"bytes", "1000", "1000"}, {"bytes", "2kib", "2048"},
		{"bytes", "1.0009kb", "1000"}, {"bytes", "1gb", "1000000000"}, {"bytes", "5000b", "5000"},
		{"colour", "white", "#ffffff"}, {"colour", "Black", "#000000"}, {"colour", "#A0b1C2", "#a0b1c2"},
		{"place", "center", "center"}, {"place", " CENTER  center ", "center"}, {"place", "50%", "center"}, {"place", "top", "50% 0%"},
		{"place", "right", "100% 50%"}, {"place", "left top", "0% 0%"}, {"place", "Bottom Right", "100% 100%"}, {"place", "top center", "50% 0%"},
		{"place", "25% 75%", "25% 75%"}, {"place", "025.50% 0.05%", "25.5% 0.05%"}, {"place", "left 30%", "0% 30%"}, {"place", "10.1% bottom", "10.1% 100%"},
		{"place", "right 10% bottom 20.25%", "90% 79.75%"}, {"place", "top 0% left 100%", "100% 0%"}, {"part", "Auto", "auto"},
		{"share", "20%", "20%"}, {"share", "012.50%", "12.5%"}, {"share", "50%", "50%"}, {"share", "1.01%", "1.01%"},
		{"file", "logo.png", "logo.png"}, {"file", "marks/Logo_2-a.webp", "marks/Logo_2-a.webp"},
	} {
		if got, err := settings[c.setting].Parse(c.text); err != nil || got != c.want {
			t.Errorf("%s %q: %q, %v; want %q", c.setting, c.text, got, err, c.want)
		}
	}
}

func TestParseRefusesWithAdvice(t *testing.T) {
	for _, c := range []struct{ setting, text, want string }{
		{"int", "0", "from 1 to 100"}, {"int", "101", "from 1 to 100"}, {"int", "-1", "from 1 to 100"}, {"int", "8x", "like 80"}, {"int", "", "like 80"},
		{"int", "99999999999999999999", "like 80"}, {"number", "0", "1 or more"},
		{"count", "some", "first, all or a whole number"}, {"count", "0", "1 or more"},
		{"bool", "yes", "true nor false"}, {"bool", "auto", "true nor false"}, {"auto", "yes", "use true, false or auto"},
		{"choice", "low", "normal or high"},
		{"bytes", "999", "like 300KB"}, {"bytes", "KB", "like 300KB"}, {"bytes", "1e9", "like 300KB"}, {"bytes", "-5KB", "like 300KB"},
		{"bytes", "1.2.3KB", "like 300KB"}, {"bytes", "99999999999GB", "too large"}, {"bytes", "Inf", "like 300KB"},
		{"colour", "red", "#rrggbb"}, {"colour", "#fff", "#rrggbb"}, {"colour", "#gggggg", "#rrggbb"}, {"colour", "ffffffff", "#rrggbb"},
		{"place", "", "like top"}, {"place", "auto", "25% 75%"}, {"place", "north", "as in CSS"}, {"place", "left right", "as in CSS"}, {"place", "top bottom", "as in CSS"},
		{"place", "25% left", "as in CSS"}, {"place", "top 25%", "as in CSS"}, {"place", "101% 0%", "as in CSS"}, {"place", "-5%", "as in CSS"}, {"place", "1.234%", "as in CSS"},
		{"place", "10px 20px", "as in CSS"}, {"place", "right 10% bottom", "as in CSS"}, {"place", "center 10% top 5%", "as in CSS"}, {"place", "1.%.2%", "as in CSS"},
		{"part", "left auto", "or auto"},
		{"share", "20", "from 1% to 50%"}, {"share", "0.99%", "like 20%"}, {"share", "50.01%", "like 20%"}, {"share", "", "like 20%"}, {"share", "1.001%", "like 20%"},
		{"file", "", "plain name"}, {"file", "/logo.png", "plain name"}, {"file", "a//b", "plain name"}, {"file", "../a", "plain name"}, {"file", "a b.png", "plain name"},
		{"file", "s3://b/logo.png", "plain name"}, {"file", "ö.png", "plain name"}, {"file", "a/", "plain name"}, {"file", strings.Repeat("a", 201), "plain name"},
	} {
		if got, err := settings[c.setting].Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %q, error %v does not mention %q", c.setting, c.text, got, err, c.want)
		}
	}
}

func TestValuesFallBackToDefaults(t *testing.T) {
	var v Values
	if v.Text(settings["choice"]) != "normal" || v.Bool(settings["bool"]) || v.Int(settings["int"], 80) != 80 {
		t.Error("absent values are not the defaults")
	}
	v.Set("int", "70")
	v.Set("bool", "true")
	v.Set("choice", "high")
	if v.Text(settings["choice"]) != "high" || !v.Bool(settings["bool"]) || v.Int(settings["int"], 80) != 70 {
		t.Errorf("%v", v)
	}
	v.Set("choice", "")
	if _, ok := v["choice"]; ok || v.Text(settings["choice"]) != "normal" {
		t.Errorf("a removed value stays: %v", v)
	}
}

func TestAllowed(t *testing.T) {
	for name, want := range map[string]string{
		"int": "1 to 100", "number": "1 or more", "bool": "true, false", "auto": "true, false, auto", "choice": "normal, high", "bytes": "a size like 300KB",
	} {
		if got := settings[name].Allowed(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := OneOf([]string{"a", "b", "c"}); got != "a, b or c" {
		t.Errorf("%q", got)
	}
}

func TestPercentages(t *testing.T) {
	for text, want := range map[string][2]float64{"": {50, 50}, "center": {50, 50}, "auto": {50, 50}, "0% 100%": {0, 100}, "33.33% 7%": {33.33, 7}} {
		if x, y := Percentages(text); x != want[0] || y != want[1] {
			t.Errorf("%q: %v, %v", text, x, y)
		}
	}
}
