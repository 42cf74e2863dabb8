package devcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Address is how clients of this machine reach the S3 server of a running cloud.
type Address struct {
	Endpoint string `json:"endpoint"`
	Region   string `json:"region"`
	Queue    string `json:"queue"`          // answers questions about buried messages
	Page     string `json:"page,omitempty"` // that of Config
	// Access and Secret are in a file of their own.
	Access string `json:"-"`
	Secret string `json:"-"`
}

// ErrNoCloud means that the folder holds no data of a cloud.
var ErrNoCloud = errors.New("no local cloud has been started here")

// ErrNotRunning means that no cloud runs on a folder that holds the data of one.
var ErrNotRunning = errors.New("imgmill dev is not running")

// noteAddress writes the address to the folder.
func (c *Cloud) noteAddress() error {
	data, err := json.Marshal(Address{
		Endpoint: c.Endpoint(), Region: c.Region(), Queue: "http://" + c.buried.Addr().String(), Page: c.cfg.Page,
	})
	if err != nil {
		return err
	}
	if err := replaceFile(c.folder.address, append(data, '\n')); err != nil {
		return explain(c.folder.address, err)
	}
	return nil
}

// FindRunning returns the address of the cloud that runs on a folder. The error is ErrNoCloud if there
// is no such folder, and ErrNotRunning if there is and no cloud runs on it.
func FindRunning(dir string) (Address, error) {
	if err := CheckFolder(dir); err != nil {
		return Address{}, err
	}
	lock := folderLock(dir)
	free, err := lock.TryRLock() // shared, so that nobody who looks at the same time takes it for in use
	if err != nil {
		return Address{}, explain(dir, err)
	}
	if free {
		return Address{}, errors.Join(fmt.Errorf("folder %s: %w", dir, ErrNotRunning), lock.Close())
	}
	// Whoever has the lock has removed the address of an earlier process.
	var a Address
	data, err := os.ReadFile(filepath.Join(dir, addressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return a, fmt.Errorf("folder %s %w: imgmill dev or imgmill failures is starting there; try again",
			dir, ErrInUse)
	}
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		return a, fmt.Errorf("the address of imgmill dev: %w", err)
	}
	account, err := readCredentials(filepath.Join(dir, credentialsFile))
	a.Access, a.Secret = account.Access, account.Secret
	return a, err
}
