package devcloud

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DefaultDir is the folder for a cloud's data if Config.Dir is empty.
const DefaultDir = ".imgmill"

// FirstPort is where the search for a free port begins. AnyPort as Config.Port leaves the choice to
// the system.
const (
	FirstPort = 9000
	AnyPort   = -1
)

// Config configures a Cloud.
type Config struct {
	// Dir is the folder for all data, created with mode 0700 if it is missing. The default is
	// DefaultDir.
	Dir string
	// Port is the port of the S3 server on 127.0.0.1. 0 means the first free one, beginning with
	// FirstPort.
	Port int
	// Listener, if set, is used instead of Port. It must listen on 127.0.0.1; the cloud closes it.
	Listener net.Listener
	// Region is the region that clients sign requests for. The default is us-east-1.
	Region string
	// Buckets are created at the start if they are missing.
	Buckets []string
	// Watch lists the buckets whose changes are published. They, too, are created if they are
	// missing.
	Watch []string
	// CORS are the origins of the web pages that may use the S3 server, such as http://localhost:3000, or
	// "*" for those of all origins. The default is none. A bucket with a CORS configuration goes by that.
	CORS []string
	// Page is the URL of a page about the cloud, to which browsers are led that open the server's root. The
	// default is none.
	Page string
	// Lease is how long a consumer has an event to itself after Fetch or Extend. 0 means the
	// queue's default, a few seconds.
	Lease time.Duration
	// Log receives the messages of the servers. The default is slog.Default().
	Log *slog.Logger
}

// bucketRE is the general rule of the S3 User Guide, "Bucket naming rules", without the reserved
// words.
var bucketRE = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate reports all invalid settings at once.
func (c Config) Validate() error {
	var errs []error
	if c.Port < AnyPort || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("port %d: want a number from 1 to 65535, or 0 for the first free one", c.Port))
	}
	if c.Listener != nil {
		if a, ok := c.Listener.Addr().(*net.TCPAddr); !ok || !a.IP.Equal(net.IPv4(127, 0, 0, 1)) {
			errs = append(errs, fmt.Errorf("listener on %s: want 127.0.0.1", c.Listener.Addr()))
		}
	}
	if c.Lease < 0 || c.Lease > 12*time.Hour {
		errs = append(errs, fmt.Errorf("lease %v: want between 0 and 12h", c.Lease))
	}
	for _, origin := range c.CORS {
		if !isOrigin(origin) {
			errs = append(errs, fmt.Errorf("origin %q: want the scheme, host and port of a web page, such as "+
				"http://localhost:3000, or * for all", origin))
		}
	}
	for _, b := range c.buckets() {
		if !bucketRE.MatchString(b) || net.ParseIP(b) != nil {
			errs = append(errs, fmt.Errorf("bucket %q: want 3 to 63 lower-case letters, digits, dots and hyphens", b))
		}
	}
	return errors.Join(errs...)
}

// isOrigin reports whether a value is "*" or an origin as browsers write it (RFC 6454, section 6.2).
func isOrigin(value string) bool {
	u, err := url.Parse(value)
	return value == "*" || err == nil && u.Host != "" && value == strings.ToLower(u.Scheme+"://"+u.Host)
}

// buckets returns all buckets to create, each once.
func (c Config) buckets() []string {
	all := slices.Concat(c.Buckets, c.Watch)
	slices.Sort(all)
	return slices.Compact(all)
}

func (c Config) withDefaults() Config {
	if c.Dir == "" {
		c.Dir = DefaultDir
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}
