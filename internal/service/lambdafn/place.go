package lambdafn

import "time"

// What a function has for a picture follows from its settings: deploy and doctor compare it with
// the recipe, and the function itself holds to it.

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

// DecodingMemory returns how many bytes of a function's memory size the decoding of a picture may
// hold: three fifths of what is left beside the program, its connections and the object being read.
// The rest is for reduced pictures, encoded variants and what the garbage collector has yet to free.
// A recipe can only lower it (recipe.Recipe.WithMemory).
func DecodingMemory(size int64) int64 {
	const program = 64 << 20
	return max((size-program)/5*3, 1<<20)
}
