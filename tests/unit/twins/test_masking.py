"""What is masked in text that people read, what is shown, and that no text takes long."""

from __future__ import annotations

import json
import time

import pytest
from status_state_api.masking import LONGEST, is_secret, mask, mask_document, mask_labels

MASKED = {
    "http://user:s3cret@h:80/p?token=s3cret&x=s3cret#f": "http://***@h:80/p?token=***",
    "https://s3cret@git.example/x": "https://***@git.example/x",
    "https://p.example/http://u:s3cret@h/": "https://p.example/http://***@h/",
    "http://h/?s3cret": "http://h/?***",
    "root:s3cret@tcp(db:3306)/x": "root:***@tcp(db:3306)/x",
    "serve --password s3cret -v": "serve --password *** -v",
    "serve --db-password=s3cret -v": "serve --db-password=*** -v",
    "serve -password 's3cret and s3cret' -v": "serve -password '***' -v",
    "PASSWORD=s3cret": "PASSWORD=***",
    "MYSQL_PWD=s3cret": "MYSQL_PWD=***",
    "password: s3cret": "password: ***",
    'dbPassword = "s3cret \\" s3cret"': 'dbPassword = "***"',
    '{"password":"s3cret","user":"u"}': '{"password":"***","user":"u"}',
    "user[password]=s3cret": "user[password]=***",
    '{\\"token\\":\\"s3cret\\"}': '{\\"token\\":***',
    '["serve", "--token", "s3cret", "-v"]': '["serve", "--token", "***", "-v"]',
    "Authorization: Bearer s3cret.x sent": "Authorization: *** sent",
    "x-api-key: s3cret": "x-api-key: ***",
    "GET /login?auth=s3cret HTTP/1.1": "GET /login?auth=*** HTTP/1.1",
    "mysql -uroot -ps3cret -P3306": "mysql -uroot -p*** -P3306",
    "sshpass -p s3cret ssh h": "sshpass -p *** ssh h",
    "redis-cli -a s3cret ping": "redis-cli -a *** ping",
    "curl -u me:s3cret h": "curl -u me:*** h",
    "sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3cret to it": "sent *** to it",
    "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END": "-----BEGIN RSA PRIVATE KEY-----***-----END",
}
SHOWN = [
    "",
    "nginx -g 'daemon off;'",
    "serve --key-file /etc/x.pem --secrets-dir=/run/x",
    "PASSWORD_FILE=/run/secrets/x",
    "image: nginx:1.27@sha256:1b0a → nginx:1.28",
    "env.DB_PASSWORD: set → other",
    "secure=true token: none",
    'password authentication failed for user "x"',
    "monkey=3 keyboard: 4 author=me authority: me",
    "mysqldump -p --user=u",
    "http://h:80/p",
    "mkdir -p /tmp",
    "--token",
    "git@example.org:x",
]
SLOW = {
    "schemes": "://" * 100_000,
    "pairs": "a:b" * 100_000 + "key",
    "names": "auth_" * 100_000,
    "options": "-key " * 100_000,
    "quotes": 'key="' * 100_000,
    "blanks": "key" + " " * 500_000,
    "slashes": "\\" * 500_000 + "key",
    "ats": "a:b@" * 100_000,
    "programs": "mysql redis-cli curl " + "-p -a -u " * 50_000,
}


@pytest.mark.parametrize(("text", "shown"), MASKED.items(), ids=range(len(MASKED)))
def test_a_secret_is_masked_and_what_stands_beside_it_is_shown(text: str, shown: str) -> None:
    assert mask(text) == shown
    assert mask(shown) == shown, "once more changes nothing"


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("name", ["DB_PASSWORD", "dbpass", "apiKey", "x-auth", "traefik.basicauth.users", "aws_secret"])
def test_what_a_secret_name_names_is_masked_whatever_it_looks_like(name: str) -> None:
    assert is_secret(name)
    assert mask_labels({name: "s3cret and more", "a": "b"}) == {name: "***", "a": "b"}
    assert mask_document([{name: ["s3cret"], "n": 1, "reason": f"{name}=s3cret"}]) == [
        {name: ["***"], "n": 1, "reason": f"{name}=***"}
    ]


@pytest.mark.parametrize(
    "name", ["org.opencontainers.image.authors", "monkey", "keycloak.url", "tls.key.file", "bypassed"]
)
def test_another_name_is_none(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    assert len(mask(text)) <= LONGEST * 4
    assert time.process_time() - begun < 0.2


def test_json_stays_json() -> None:
    document = {"at": "2026", "list": [None, True, 1.5, {"token": "x"}]}
    assert json.loads(json.dumps(mask_document(document)))["list"] == [None, True, 1.5, {"token": "***"}]
