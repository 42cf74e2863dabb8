package webp

import "github.com/imgmill/imgmill/internal/engine/setting"

// effort is how hard an encoder works for smaller files.
type effort uint8

const (
	normalEffort effort = iota
	fastEffort
	highEffort
)

var effortSetting = &setting.Setting{
	Name: "effort", Type: setting.Choice, Choices: []string{"fast", "normal", "high"}, Default: "normal",
	Help: "fast saves time, high saves bytes",
}

// effortOf returns the effort that the settings of a variant ask for.
func effortOf(v setting.Values) effort {
	switch v.Text(effortSetting) {
	case "fast":
		return fastEffort
	case "high":
		return highEffort
	}
	return normalEffort
}
