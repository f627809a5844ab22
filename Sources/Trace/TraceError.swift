/// Why a trace could not be written or read: what kind, which file, where in it, and what to do.
public struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// There is no such file.
    case missing
    /// The file exists and overwriting was not allowed.
    case exists
    /// The file is not a wctrace trace.
    case notATrace
    /// The trace was written by a newer format version than this reader knows.
    case newerVersion
    /// Another program is recording there.
    case inUse
    /// The recording was never finished.
    case unfinished
    /// The file contradicts its checksums or itself.
    case corrupt
    /// The trace is sound but lacks what was asked for.
    case lacking
    /// What was asked for makes no sense for this trace or model.
    case invalid
    /// The system refused to read or write.
    case inputOutput
  }

  public var code: Code
  public var path: String
  /// Where in the file, such as `/taps/output`; empty when the whole file is meant.
  public var location: String
  /// One sentence that names the thing and what is allowed.
  public var message: String

  public init(_ code: Code, path: String = "", at location: String = "", _ message: String) {
    self.code = code
    self.path = path
    self.location = location
    self.message = message
  }

  public var description: String {
    let place = location.isEmpty ? path : path.isEmpty ? location : "\(path) at \(location)"
    return place.isEmpty ? message : "\(place): \(message)"
  }
}
