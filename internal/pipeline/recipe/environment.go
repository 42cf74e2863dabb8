package recipe

// Environment variables of the function. The stack's template sets the two buckets, so that one zip
// serves every deployment; the recipe is usually the file in the zip.
const (
	// EnvRecipe holds the text of a recipe. It takes precedence over the file in the zip.
	EnvRecipe = "IMGMILL_RECIPE"
	// EnvSourceBucket and EnvTargetBucket name buckets that replace those of the recipe; see
	// Recipe.WithBuckets.
	EnvSourceBucket = "IMGMILL_SOURCE_BUCKET"
	EnvTargetBucket = "IMGMILL_TARGET_BUCKET"
)
