// Images that are chosen, dropped or pasted.

const element = (id) => document.getElementById(id);

export function connectInputs(take) {
  for (const id of ["files", "capture"])
    element(id).onchange = ({ target }) => {
      if (target.files.length) take(target.files);
      target.value = "";
    };
  const drop = element("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    const images = [...clipboardData.files].filter(({ type }) => type.startsWith("image/"));
    if (images.length) take(images);
  });
}
