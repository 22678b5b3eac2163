// A photo from the camera, in the page or, where that is not allowed, in the phone's app.

const element = (id) => document.getElementById(id);

export function connectCamera(take) {
  const [dialog, video] = [element("viewfinder"), element("video")];
  element("camera").onclick = async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      element("capture").click();
      return;
    }
    video.srcObject = stream;
    dialog.onclose = () => stream.getTracks().forEach((track) => track.stop());
    dialog.showModal();
    await video.play();
  };
  element("close").onclick = () => dialog.close();
  element("shoot").onclick = async () => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    const photo = await canvas.convertToBlob({ type: "image/png" });
    dialog.close();
    take([new File([photo], "photo.png", { type: "image/png" })]);
  };
}
