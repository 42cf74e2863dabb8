package lambdafn

import "time"

// What time a function has for a picture follows from its timeout, and the function holds to it. For
// its memory, see recipe.DecodingMemory.

const (
	// margin is the time that is reserved for the response before the function's deadline. Without a
	// response, the whole batch would be delivered again.
	margin = 500 * time.Millisecond
	// settling is the time that is reserved before that for storing variants or the reason of a bad
	// picture; a quarter of the time if that is less.
	settling = 2 * time.Second
)

// PictureTime returns how long a function that ends after timeout works on a picture that is alone in
// its event. One that takes longer is bad, whatever the recipe's timeout is.
func PictureTime(timeout time.Duration) time.Duration { return beforeSettling(timeout - margin) }

// beforeSettling returns what remains of the time until the response once settling is reserved.
func beforeSettling(left time.Duration) time.Duration { return left - min(settling, left/4) }
