package devcloud

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// credentials are those of the S3 server's only account, as stored in credentials.json.
type credentials struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

// loadCredentials reads the credentials from path, or makes new ones at the first start.
func loadCredentials(path string) (credentials, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeCredentials(path)
	}
	if err != nil {
		return credentials{}, fmt.Errorf("credentials: %w", err)
	}
	// Windows has no such mode bits; there, access depends on the permissions of the folder.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return credentials{}, fmt.Errorf("%s can be read by other users (mode %04o): run `chmod 600 %s`",
			path, info.Mode().Perm(), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return credentials{}, fmt.Errorf("credentials: %w", err)
	}
	var c credentials
	err = json.Unmarshal(data, &c)
	if err == nil && (c.Access == "" || c.Secret == "") {
		err = errors.New("want access_key and secret_key")
	}
	if err != nil {
		return credentials{}, fmt.Errorf("%s is damaged (%w): repair it, or delete it to get new keys", path, err)
	}
	return c, nil
}

func makeCredentials(path string) (credentials, error) {
	// Like Amazon's, these have 20 and 40 characters. rand.Text returns 26 characters of base32,
	// 130 bits.
	c := credentials{Access: "IMGMILL" + rand.Text()[:13], Secret: (rand.Text() + rand.Text())[:40]}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return credentials{}, fmt.Errorf("credentials: %w", err)
	}
	if err := replaceFile(path, append(data, '\n')); err != nil {
		return credentials{}, explain(path, err)
	}
	return c, nil
}
