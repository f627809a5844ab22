#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The few things a trace asks of the file system beside HDF5.
enum FileSystem {
  enum Kind {
    case nothing, folder, file, other
  }

  static func kind(of path: String) -> Kind {
    var status = stat()
    guard stat(path, &status) == 0 else { return .nothing }
    return switch status.st_mode & S_IFMT {
    case S_IFDIR: .folder
    case S_IFREG: .file
    default: .other
    }
  }

  /// A file's first bytes and its whole size.
  static func head(of path: String, _ count: Int) throws(TraceError) -> (bytes: [UInt8], byteCount: Int) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, "the file cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    var bytes = [UInt8](repeating: 0, count: count)
    let got = read(descriptor, &bytes, count)
    guard got >= 0, fstat(descriptor, &status) == 0 else { throw failure(path, "the file cannot be read") }
    return (Array(bytes[..<got]), Int(status.st_size))
  }

  /// Waits until a file or folder is on the disk.
  static func sync(_ path: String) throws(TraceError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, "this cannot be brought safely to disk") }
    defer { close(descriptor) }
    // Some file systems know no sync of folders and say EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw failure(path, "this cannot be brought safely to disk")
    }
  }

  static func move(_ path: String, to target: String) throws(TraceError) {
    guard rename(path, target) == 0 else { throw failure(target, "the finished file cannot be put here") }
  }

  static func remove(_ path: String) {
    unlink(path)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func failure(_ path: String, _ message: String) -> TraceError {
    TraceError(.inputOutput, path: path, "\(message): \(String(cString: strerror(errno)))")
  }
}
