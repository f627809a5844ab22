// What can be told from a file's name, size and first bytes, before the HDF5 library sees it.
extension TraceReader {
  private static func unfinishedMessage(_ journal: String) -> String {
    "the recording is running or was interrupted; once it has ended, 'wctrace recover \(journal)' makes a trace "
      + "of its calls"
  }

  static func checkFile(_ path: String) throws(TraceError) {
    switch FileSystem.kind(of: path) {
    case .file: break
    case .folder: throw TraceError(.notATrace, path: path, "this is a folder, not a trace")
    case .other: throw TraceError(.notATrace, path: path, "this is not a regular file")
    case .nothing:
      let journal = path + TraceFormat.journalSuffix
      guard FileSystem.kind(of: journal) == .file else {
        throw FileSystem.absence(of: path)
      }
      throw TraceError(.unfinished, path: path, unfinishedMessage(journal))
    }
    guard !path.hasSuffix(TraceFormat.journalSuffix) else {
      throw TraceError(.unfinished, path: path, unfinishedMessage(path))
    }
    let unfinished = TraceError(.unfinished, path: path, "the recording was never finished")
    guard !path.hasSuffix(TraceFormat.unfinishedSuffix) else { throw unfinished }
    // Signature, version 2 or 3, sizes of addresses, flags; then from byte 28 the file's end.
    let (head, byteCount) = try FileSystem.head(of: path, HDF5Image.superblockByteCount)
    guard byteCount > 0 else { throw TraceError(.notATrace, path: path, "the file is empty") }
    guard head.starts(with: HDF5File.signature) else {
      throw TraceError(.notATrace, path: path, "this is not an HDF5 file, so no trace")
    }
    guard head.count == HDF5Image.superblockByteCount else {
      throw TraceError(.corrupt, path: path, "the file is cut off after \(byteCount) bytes")
    }
    guard head[8] == 2 || head[8] == 3, head[9] == 8, head[10] == 8 else {
      throw TraceError(.notATrace, path: path, "this is an HDF5 file, but not a wctrace trace")
    }
    // The library sets these flags while a file is open for writing.
    guard head[11] == 0 else { throw unfinished }
    let end = head[28..<36].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard end == UInt64(byteCount) else {
      throw TraceError(.corrupt, path: path, "the file should have \(end) bytes and has \(byteCount)")
    }
  }
}
