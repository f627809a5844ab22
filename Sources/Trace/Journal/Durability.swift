/// When a recording waits for the disk, and so what it survives.
///
/// Whatever is chosen, a call that was appended survives the end of the program, `kill -9` included.
public enum Durability: String, Hashable, Sendable, CaseIterable {
  /// Never waits. A power loss may cost the whole recording, even a while after it was finished.
  case none
  /// Waits once, when the recording is finished. A power loss before that may cost the recording,
  /// after it nothing.
  case rollout
  /// Also waits after every call. A power loss costs no call that was appended.
  case call
}
