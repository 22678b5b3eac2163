"""The part of the hub's protocol that takes uploads, for `hub_server.Handler`."""

import base64
import json
import re

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


class Uploads:
    """Answers POST and PUT; a commit adds to the `files` of the server.

    `server.refused` is `{part of an address: status}`; `server.repositories` is
    `{name: whether it is private}`; `server.tokens` lists those of the requests.
    """

    def do_POST(self):
        self.server.log["POST"] += 1
        body = self.body()
        self.server.tokens.append(self.headers.get("Authorization"))
        for part, status in self.server.refused.items():
            if part in self.path:
                return self.reply({"error": "no"}, status)
        for pattern, answer in (
            (r"/api/repos/create", self.create),
            (r"/api/validate-yaml", self.validate),
            (r"/api/models/(.+)/preupload/main", self.preupload),
            (r"/(.+)\.git/info/lfs/objects/batch", self.batch),
            (r"/api/models/(.+)/commit/main", self.commit),
        ):
            if match := re.fullmatch(pattern, self.path.partition("?")[0]):
                return answer(body, *match.groups())
        return self.reply({}, 404)

    def do_PUT(self):
        self.server.uploads[self.path.rpartition("/")[2]] = self.body()
        self.reply({})

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def create(self, body):
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.server.url}/{name}"}
        if name in self.server.repositories:
            return self.reply(url, 409)
        self.server.repositories[name] = asked.get("visibility") == "private"
        return self.reply(url)

    def validate(self, body):
        """A model card must begin with YAML, as on the hub."""
        import yaml  # which comes with the client

        text = json.loads(body)["content"]
        try:
            facts = yaml.safe_load(text.split("---\n")[1])
            errors = [] if isinstance(facts, dict) else [{"message": "no mapping"}]
        except yaml.YAMLError as error:
            errors = [{"message": str(error)}]
        self.reply({"errors": errors, "warnings": []}, 400 if errors else 200)

    def preupload(self, body, repository):
        files = [
            {
                "path": x["path"],
                "shouldIgnore": False,
                "uploadMode": "lfs" if x["path"].endswith(".keras") else "regular",
            }
            for x in json.loads(body)["files"]
        ]
        self.reply({"files": files})

    def batch(self, body, repository):
        objects = [
            x | {"actions": {"upload": {"href": f"{self.server.url}/put/{x['oid']}"}}}
            for x in json.loads(body)["objects"]
        ]
        self.reply({"objects": objects, "transfer": "basic"})

    def commit(self, body, repository):
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                content = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                content = self.server.uploads[value["oid"]]
            else:
                continue
            self.server.files[f"{repository}/{value['path']}"] = content
        url = f"{self.server.url}/{repository}/commit/{COMMIT}"
        self.reply({"success": True, "commitOid": COMMIT, "commitUrl": url})

    def reply(self, facts, status=200):
        body = json.dumps(facts).encode()
        self.send(status, {"Content-Type": "application/json"}, len(body), body)
