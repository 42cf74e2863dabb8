package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/spf13/pflag"
)

// consoleFlags are the flags of the console.
type consoleFlags struct {
	console, token string
}

const consoleTokenVariable = "IMGMILL_CONSOLE_TOKEN"

func (f *consoleFlags) register(flags *pflag.FlagSet, absent string) {
	flags.StringVar(&f.console, "console", "", "`ADDRESS` of the console, a web page, such as 127.0.0.1:9001 or :9001 ("+absent+")")
	flags.StringVar(&f.token, "console-token", "",
		"`TEXT` that whoever opens the console must give (default $"+consoleTokenVariable+")")
}

func (f *consoleFlags) consoleToken() string { return cmp.Or(f.token, os.Getenv(consoleTokenVariable)) }

// listen opens the address, which must not be reached from elsewhere without a token.
func (f *consoleFlags) listen() (net.Listener, error) {
	if _, _, err := net.SplitHostPort(f.console); err != nil {
		return nil, wrongUse("--console %s: write an address and a port, such as 127.0.0.1:9001, or :9001 for all addresses", f.console)
	}
	l, err := net.Listen("tcp", f.console)
	if err != nil {
		return nil, fmt.Errorf("--console: %w; choose another address", err)
	}
	if !onLoopback(l) && f.consoleToken() == "" {
		return nil, errors.Join(wrongUse("--console %s: other machines reach this address; set --console-token or $%s, "+
			"or use an address such as 127.0.0.1:9001", f.console, consoleTokenVariable), l.Close())
	}
	return l, nil
}

// listenNear opens the first free port of this machine from one on, but not the one that something else is
// about to open.
func listenNear(port, not int) (net.Listener, error) {
	const tried = 50
	for p := port; p < port+tried; p++ {
		if p == not {
			continue
		}
		if l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp4", "127.0.0.1:0")
}

// onLoopback reports whether only this machine reaches a listener.
func onLoopback(l net.Listener) bool {
	a, err := netip.ParseAddrPort(l.Addr().String())
	return err == nil && a.Addr().IsLoopback()
}

// consoleURL returns where a browser on this machine finds the console.
func consoleURL(l net.Listener) string {
	a := l.Addr().(*net.TCPAddr)
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(a.Port)) + "/"
}

// consoleOrigins returns the origins of a console that only this machine reaches.
func consoleOrigins(l net.Listener) []string {
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	return []string{"http://" + net.JoinHostPort(l.Addr().(*net.TCPAddr).IP.String(), port), "http://localhost:" + port}
}
