package devcloud

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// credentials are those of the S3 server's only account, as stored in credentials.json.
type credentials struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

// CheckFolder returns ErrNoCloud if dir holds no data of a cloud, and another error if what it holds
// cannot be told to be that. Credentials that a Cloud has made are the sign: other programs also keep
// theirs in a credentials.json.
func CheckFolder(dir string) error {
	_, err := readCredentials(filepath.Join(dir, credentialsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s: %w", dir, ErrNoCloud)
	}
	return err
}

// credentialsFile is the name of the file that holds the credentials.
const credentialsFile = "credentials.json"

// readCredentials reads the credentials from path. The error is fs.ErrNotExist if there is no such file.
func readCredentials(path string) (credentials, error) {
	info, err := os.Stat(path)
	if err != nil {
		return credentials{}, fmt.Errorf("credentials: %w", err)
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
		return credentials{}, fmt.Errorf("%s does not hold the keys of imgmill dev (%w): choose another folder or, "+
			"if imgmill dev has made the file, delete it to get new keys", path, err)
	}
	// Windows has no such mode bits; there, access depends on the permissions of the folder.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return credentials{}, fmt.Errorf("%s can be read by other users (mode %04o): run `chmod 600 %s`",
			path, info.Mode().Perm(), path)
	}
	return c, nil
}

// loadCredentials reads the credentials from path, or makes new ones at the first start.
func loadCredentials(path string) (credentials, error) {
	c, err := readCredentials(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeCredentials(path)
	}
	return c, err
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
