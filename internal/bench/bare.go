package main

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
)

// bareLoop is the least that an SSH client in Go can do for each host.
func bareLoop(keyFile, hostKeyFile string, hosts []string) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	public, err := os.ReadFile(hostKeyFile)
	if err != nil {
		return err
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{
		User: "audit", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(hostKey),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	slots := make(chan struct{}, forks)
	var wait sync.WaitGroup
	for _, host := range hosts {
		slots <- struct{}{}
		wait.Go(func() { // ends with its host
			defer func() { <-slots }()
			if err := bareHost(host, config); err != nil {
				fmt.Println(host, err)
				return
			}
			fmt.Println("ok")
		})
	}
	wait.Wait()
	return nil
}

func bareHost(host string, config *ssh.ClientConfig) error {
	client, err := ssh.Dial("tcp", host, config)
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	return session.Run("true")
}
