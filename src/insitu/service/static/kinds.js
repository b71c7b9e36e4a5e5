// Words for what a memory takes: drawings, photos, sounds or vectors.

export const KINDS = {
  drawing: {
    noun: "drawing",
    title: "Teach it by drawing",
    lead: "Draw something, give it a name and teach it. After three to five drawings of each, it tells them apart.",
    start: "Draw something to see what it is.",
    missing: "Draw something first, or choose an image.",
  },
  photo: {
    noun: "photo",
    title: "Teach it with photos",
    lead: "Take a photo, give it a name and teach it. After three to five photos of each thing, it tells them apart.",
    start: "Take a photo to see what it is.",
    missing: "Take a photo first, or choose one.",
  },
  sound: {
    noun: "recording",
    title: "Teach it with sounds",
    lead: "Record a word or another sound, name it and teach it. After three to five recordings of each, it tells them " +
      "apart.",
    start: "Record something to hear what it is.",
    missing: "Record something first, or choose a WAV file.",
  },
  vector: {
    noun: "vector",
    title: "A memory for vectors",
    lead: "Paste the numbers of a vector, give it a name and teach it; or choose a CSV or JSON file.",
    start: "Paste a vector to see what it is.",
    missing: "Paste a vector first, or choose a file.",
  },
};

/** A field of a request with several items: "image" becomes "images". */
export const FIELD = { drawing: "image", photo: "image", sound: "sound", vector: "vector" };
