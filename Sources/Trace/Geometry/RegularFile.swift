#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that is read and written at places of the caller's choice, from several threads.
final class RegularFile: Sendable {
  let path: String
  /// Bytes at opening.
  let byteCount: Int
  private let descriptor: Int32

  /// Opens a file for reading; throws `missing` or `inputOutput`.
  init(opening path: String) throws(TraceError) {
    self.path = path
    guard FileSystem.kind(of: path) == .file else {
      throw TraceError(.missing, path: path, "there is no such file")
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw FileSystem.failure(path, "the file cannot be opened")
    }
    byteCount = Int(status.st_size)
  }

  /// Makes an empty file, or empties the one that is there.
  init(creating path: String) throws(TraceError) {
    self.path = path
    byteCount = 0
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileSystem.failure(path, "the file cannot be made") }
  }

  deinit {
    close(descriptor)
  }

  func bytes(_ count: Int, at offset: Int) throws(TraceError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    if let error = bytes.withUnsafeMutableBytes({ fill($0, at: offset) }) { throw error }
    return bytes
  }

  /// Numbers of double precision, little-endian.
  func numbers(_ count: Int, at offset: Int) throws(TraceError) -> [Double] {
    var numbers = [Double](repeating: 0, count: count)
    if let error = numbers.withUnsafeMutableBytes({ fill($0, at: offset) }) { throw error }
    return numbers
  }

  /// Writes numbers, or bytes, as they are in memory.
  func write<Value: BitwiseCopyable>(_ values: ArraySlice<Value>, at offset: Int) throws(TraceError) {
    if let error = values.withUnsafeBytes({ put($0, at: offset) }) { throw error }
  }

  private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> TraceError? {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return FileSystem.failure(path, "the system refused to write") }
      done += count
    }
    return nil
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> TraceError? {
    var done = 0
    while done < buffer.count {
      let got = pread(
        descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else {
        return got == 0
          ? TraceError(.corrupt, path: path, "the file is cut off")
          : FileSystem.failure(path, "the file cannot be read")
      }
      done += got
    }
    return nil
  }
}
