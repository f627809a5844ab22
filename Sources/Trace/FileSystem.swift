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

  /// What is said of a path at which there is nothing, or nothing that may be looked at.
  static func absence(of path: String) -> TraceError {
    var status = stat()
    guard stat(path, &status) != 0, errno != ENOENT, errno != ENOTDIR else {
      return TraceError(.missing, path: path, "there is no such file")
    }
    return failure(path, "the file cannot be opened")
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

  /// Names of what a folder holds, sorted; throws `missing` when there is no such folder, `inputOutput` when it may not
  /// be read.
  static func names(in folder: String) throws(TraceError) -> [String] {
    guard let stream = opendir(folder) else {
      guard errno == ENOENT else { throw failure(folder, "the folder cannot be read") }
      throw TraceError(.missing, path: folder, "there is no such folder")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Makes a folder unless it is there.
  static func makeFolder(_ path: String) throws(TraceError) {
    guard kind(of: path) != .folder else { return }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure(path, "the folder cannot be made") }
  }

  /// Bytes that this program may still write to the file system of a folder.
  static func freeByteCount(at folder: String) throws(TraceError) -> Int {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { throw failure(folder, "the free space is not known") }
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func failure(_ path: String, _ message: String) -> TraceError {
    TraceError(.inputOutput, path: path, "\(message): \(String(cString: strerror(errno)))")
  }
}
