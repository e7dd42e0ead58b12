"""Uploaded files: no more of them is read into memory or onto the disk than a page can take (A15)."""

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

# A little more than the largest file that a page takes: the page says how much that is.
MOST_BYTES = 5_000_000


class Bounded(FileUploadHandler):
    """Stops reading a request's files beyond `MOST_BYTES`; stands before the handlers that keep them.

    The rest of the request is read and thrown away, so that a page answers in words.
    """

    read = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Let a piece pass to the next handler, or stop."""
        self.read += len(raw_data)
        if self.read > MOST_BYTES:
            if self.request is not None:
                self.request.is_upload_too_large = True  # type: ignore[attr-defined]
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """Leave the file to the next handler."""
        return None
