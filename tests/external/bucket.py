"""The S3 server of the tests as a process: bucket.py HOST PORT."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.s3 import s3_server

if __name__ == "__main__":
    with s3_server(host=sys.argv[1], port=int(sys.argv[2])) as bucket:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        Path(sys.argv[3]).write_text("\n".join(bucket.objects))
