package jpeg

import "errors"

var errBroken = errors.New("broken")
